//! Renders a QR code (ISO/IEC 18004) as inline SVG, which needs no further request and no style.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::domain::secret::Secret;

/// The white margin around the code, in modules. Readers need four.
const MARGIN: i32 = 4;

/// Returns the text as a QR code, black on white in every color scheme. Returns `None` for a text that is too
/// long, which texts of this server never are.
pub fn svg(text: &Secret, label: &str) -> Option<String> {
    let code = QrCode::encode_text(text.expose(), QrCodeEcc::Medium).ok()?;
    let size = code.size() + 2 * MARGIN;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let length = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            let length = i32::try_from(length).ok()?;
            if length > 0 {
                write!(path, "M{} {}h{length}v1h-{length}z", x + MARGIN, y + MARGIN).ok()?;
            }
            x += length.max(1);
        }
    }
    Some(format!(
        "<svg class=\"qr\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" width=\"232\" height=\"232\" \
         role=\"img\" aria-label=\"{label}\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_three_corners_and_no_text_of_ours() {
        let picture = svg(&Secret::new("otpauth://totp/x"), "Picture").expect("because the text is short");
        // A version 2 code has 25 modules, and 33 with the margin; each corner begins with a row of seven.
        assert!(picture.contains("viewBox=\"0 0 33 33\""), "{picture}");
        for corner in ["M4 4h7v1h-7z", "M22 4h7v1h-7z", "M4 22h7v1h-7z"] {
            assert!(picture.contains(corner), "{corner}: {picture}");
        }
        assert!(!picture.contains("otpauth") && !picture.contains("style"));
        assert!(svg(&Secret::new("x".repeat(5_000)), "Picture").is_none());
    }
}
