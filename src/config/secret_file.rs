//! Files that contain a secret: only their owner, or a group of this process, may read them.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::domain::secret::Secret;

/// The reason that a secret was not read.
#[derive(Debug)]
pub enum Unreadable {
    Missing,
    /// The file is refused; the message is for the operator and does not contain the file's name.
    Refused(String),
}

/// Reads a file that contains a secret, if only its owner or a group of this process can read it (orchestrators provide
/// secrets with mode 0440 or 0640).
///
/// # Errors
/// When the file does not exist, cannot be read, or is accessible to other users.
pub fn read(file: &Path) -> Result<Secret, Unreadable> {
    let refused = |reason: String| Unreadable::Refused(reason);
    let metadata = std::fs::metadata(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Unreadable::Missing,
        _ => refused(error.to_string()),
    })?;
    let groups = own_groups().map_err(|error| refused(error.to_string()))?;
    if let Some(reason) = reason_against(metadata.mode(), metadata.gid(), &groups) {
        return Err(refused(reason.to_owned()));
    }
    Ok(Secret::new(std::fs::read_to_string(file).map_err(|error| refused(error.to_string()))?))
}

fn reason_against(mode: u32, group: u32, own_groups: &[u32]) -> Option<&'static str> {
    match mode {
        _ if mode & 0o007 != 0 => Some("others can read or change this file; run chmod 600 on it"),
        _ if mode & 0o030 != 0 => Some("its group can change or run this file; run chmod 640 on it"),
        _ if mode & 0o040 != 0 && !own_groups.contains(&group) => {
            Some("a group that this process is not of can read this file; run chmod 600 on it")
        }
        _ => None,
    }
}

fn own_groups() -> std::io::Result<Vec<u32>> {
    let groups = rustix::process::getgroups()?;
    Ok(groups.into_iter().chain([rustix::process::getegid()]).map(rustix::process::Gid::as_raw).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn every_mode_is_judged_by_who_else_can_read_or_change() {
        for mode in 0..=0o777_u32 {
            let (of_group, of_others) = (mode >> 3 & 7, mode & 7);
            let is_right = |is_own: bool| of_others == 0 && (of_group == 0 || (of_group == 4 && is_own));
            assert_eq!(reason_against(mode, 7, &[1, 7]).is_none(), is_right(true), "{mode:o} of our group");
            assert_eq!(reason_against(mode, 7, &[1]).is_none(), is_right(false), "{mode:o} of another group");
        }
    }

    #[test]
    fn a_file_that_our_group_reads_is_taken() {
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let file = folder.path().join("secret");
        assert!(matches!(read(&file), Err(Unreadable::Missing)));
        std::fs::write(&file, "hunter2").expect("because the folder is ours");
        for (mode, is_taken) in [(0o400, true), (0o440, true), (0o640, true), (0o644, false), (0o660, false)] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&file, mode.clone()).expect("because the file is ours");
            assert_eq!(read(&file).is_ok(), is_taken, "{:o}", mode.mode());
        }
    }
}
