//! Our pages as a browser reads them: forms, links, what stands where.

use actix_web::http::header::HeaderMap;
use scraper::{ElementRef, Html, Selector};
use url::Url;

/// A page, after all redirects of ours, or the redirect that leads away.
#[derive(Clone, Debug)]
pub struct Page {
    /// The status of the last answer.
    pub status: u16,
    /// The address of the last answer.
    pub url: Url,
    /// The headers of the last answer.
    pub headers: HeaderMap,
    /// The page's text; empty when the redirect leads away.
    pub html: String,
    /// Where the browser was sent that is not ours.
    pub away: Option<String>,
    /// The status and address of every answer on the way, this one last.
    pub hops: Vec<(u16, String)>,
}

/// A form as it stands on a page.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it goes.
    pub action: Url,
    /// Whether it is sent by POST.
    pub is_post: bool,
    fields: Vec<Field>,
    buttons: Vec<Button>,
    pressed: Option<(String, String)>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    value: String,
    kind: String,
    is_sent: bool,
}

#[derive(Clone, Debug)]
struct Button {
    label: String,
    name: Option<String>,
    value: String,
}

/// A page's text without the challenge for passkeys, which is another one each time.
pub fn without_challenge(html: &str) -> String {
    const MARK: &str = "challenge&#34;:&#34;";
    let Some((before, rest)) = html.split_once(MARK) else { return html.to_owned() };
    let (_, after) = rest.split_once('&').expect("because a challenge ends");
    format!("{before}{MARK}&{after}")
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap_or_else(|_error| panic!("{text} is no selector"))
}

fn words_of(element: ElementRef) -> String {
    let text: String = element.text().collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn attribute(element: ElementRef, name: &str) -> String {
    element.attr(name).unwrap_or_default().to_owned()
}

impl Page {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("because our headers are ASCII"))
    }

    /// Where the browser was sent that is not ours.
    pub fn away(&self) -> &str {
        let what = || format!("the browser stayed at {} ({}): {}", self.url, self.status, self.text());
        self.away.as_deref().unwrap_or_else(|| panic!("{}", what()))
    }

    /// The words of the page, spaces made one.
    pub fn text(&self) -> String {
        self.all("main").first().or(self.all("body").first()).cloned().unwrap_or_default()
    }

    /// The words of every element that the selector finds.
    pub fn all(&self, found_by: &str) -> Vec<String> {
        Html::parse_document(&self.html).select(&selector(found_by)).map(words_of).collect()
    }

    /// The words of the one element that the selector finds.
    pub fn one(&self, found_by: &str) -> String {
        let found = self.all(found_by);
        assert_eq!(found.len(), 1, "{found_by} on {}: {found:?}", self.url);
        found.into_iter().next().unwrap_or_default()
    }

    /// The value of an attribute of every element that the selector finds.
    pub fn attributes(&self, found_by: &str, name: &str) -> Vec<String> {
        let html = Html::parse_document(&self.html);
        html.select(&selector(found_by)).filter_map(|element| element.attr(name)).map(str::to_owned).collect()
    }

    /// The page's heading.
    pub fn heading(&self) -> String {
        self.one("h1")
    }

    /// What the page complains about.
    pub fn alert(&self) -> String {
        self.one("[role=alert]")
    }

    /// The secret that is shown once.
    pub fn secret(&self) -> String {
        self.one("[data-secret]")
    }

    /// The address behind a link with these words.
    pub fn link(&self, words: &str) -> String {
        let html = Html::parse_document(&self.html);
        let found = html.select(&selector("a[href]")).find(|link| words_of(*link) == words);
        let link = found.unwrap_or_else(|| panic!("no link '{words}' on {}: {}", self.url, self.html));
        self.url.join(link.attr("href").unwrap_or_default()).expect("because a link is an address").into()
    }

    /// Every form on the page.
    pub fn forms(&self) -> Vec<Form> {
        let html = Html::parse_document(&self.html);
        html.select(&selector("form")).map(|form| read(form, &self.url)).collect()
    }

    /// The form that our script makes of the page's offer to use a passkey.
    pub fn passkey_form(&self) -> Form {
        let html = Html::parse_document(&self.html);
        let found = html.select(&selector("div[data-get]")).next();
        let place = found.unwrap_or_else(|| panic!("no passkey on {}: {}", self.url, self.html));
        let action = self.url.join(&attribute(place, "data-action")).expect("because an action is an address");
        Form { action, is_post: true, ..read(place, &self.url) }
    }

    /// The form that has a button with these words.
    pub fn form_with(&self, label: &str) -> Form {
        let found: Vec<Form> = self.forms().into_iter().filter(|form| form.has_button(label)).collect();
        let what = format!("forms with a button '{label}' on {}: {}", self.url, self.html);
        assert_eq!(found.len(), 1, "{what}");
        found.into_iter().next().map(|form| form.press(label)).expect("because there is one")
    }

    /// The form that asks for a decision, with the button `allow` or `deny` pressed.
    pub fn decision(&self, value: &str) -> Form {
        let is_it = |button: &Button| button.name.as_deref() == Some("decision") && button.value == value;
        let mut found = self.forms().into_iter().filter(|form| form.buttons.iter().any(is_it));
        let form = found.next().unwrap_or_else(|| panic!("nothing to {value} on {}: {}", self.url, self.html));
        Form { pressed: Some(("decision".to_owned(), value.to_owned())), ..form }
    }
}

fn read(form: ElementRef, page: &Url) -> Form {
    let action = page.join(form.attr("action").unwrap_or_default()).expect("because an action is an address");
    let is_post = attribute(form, "method").eq_ignore_ascii_case("post");
    let (mut fields, mut buttons) = (Vec::new(), Vec::new());
    for element in form.select(&selector("input, select, textarea, button")) {
        let (name, kind) = (attribute(element, "name"), attribute(element, "type"));
        match (element.value().name(), kind.as_str()) {
            ("button", "button") | ("input", "button" | "reset") => {}
            ("button", _) | ("input", "submit") => buttons.push(Button {
                label: words_of(element),
                name: element.attr("name").map(str::to_owned),
                value: attribute(element, "value"),
            }),
            ("input", "checkbox" | "radio") => {
                let value = element.attr("value").unwrap_or("on").to_owned();
                fields.push(Field { name, value, kind, is_sent: element.attr("checked").is_some() });
            }
            ("select", _) => {
                let options: Vec<ElementRef> = element.select(&selector("option")).collect();
                let chosen = options.iter().find(|option| option.attr("selected").is_some()).or(options.first());
                let value = chosen.map(|option| attribute(*option, "value")).unwrap_or_default();
                fields.push(Field { name, value, kind: "select".to_owned(), is_sent: true });
            }
            ("textarea", _) => {
                let value = element.text().collect();
                fields.push(Field { name, value, kind: "textarea".to_owned(), is_sent: true });
            }
            _ => fields.push(Field { name, value: attribute(element, "value"), kind, is_sent: true }),
        }
    }
    Form { action, is_post, fields, buttons, pressed: None }
}

impl Field {
    fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), kind: "text".to_owned(), is_sent: true }
    }
}

impl Form {
    /// Whether a button has these words.
    pub fn has_button(&self, label: &str) -> bool {
        self.buttons.iter().any(|button| button.label == label)
    }

    /// What stands in a field, if the form has one of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// Writes into a field that the form must have.
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        assert!(names.contains(&name), "the form has {names:?}, and no {name}");
        let field = self.fields.iter_mut().find(|field| field.name == name).expect("because it was just seen");
        value.clone_into(&mut field.value);
        self
    }

    /// Chooses a radio button, or ticks a box, by its value.
    pub fn choose(mut self, name: &str, value: &str) -> Self {
        let found = self.fields.iter().any(|field| field.name == name && field.value == value);
        assert!(found, "the form has no {name} with the value {value}: {:?}", self.fields);
        for field in self.fields.iter_mut().filter(|field| field.name == name) {
            field.is_sent = field.value == value || (field.kind == "checkbox" && field.is_sent);
        }
        self
    }

    /// Sends these fields and no others, but the hidden ones, as a program would.
    pub fn replace(&mut self, sent: &[(&str, &str)]) {
        self.fields.retain(|field| field.kind == "hidden");
        self.fields.extend(sent.iter().map(|(name, value)| Field::new(name, value)));
    }

    /// Brings a field that the page has not: a script adds it.
    pub fn bring(mut self, name: &str, value: &str) -> Self {
        self.fields.push(Field::new(name, value));
        self
    }

    /// Takes a tick away.
    pub fn untick(mut self, name: &str) -> Self {
        let field = self.fields.iter_mut().find(|field| field.name == name && field.kind == "checkbox");
        field.unwrap_or_else(|| panic!("the form has no box {name}")).is_sent = false;
        self
    }

    /// Presses the button with these words.
    pub fn press(mut self, label: &str) -> Self {
        let button = self.buttons.iter().find(|button| button.label == label);
        let button = button.unwrap_or_else(|| panic!("the form has no button '{label}': {:?}", self.buttons));
        self.pressed = button.name.clone().map(|name| (name, button.value.clone()));
        self
    }

    /// What a browser sends.
    pub fn encode(&self) -> String {
        let fields = self.fields.iter().filter(|field| field.is_sent && !field.name.is_empty());
        let pairs = fields.map(|field| (field.name.as_str(), field.value.as_str()));
        let pressed = self.pressed.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<(&str, &str)> = pairs.chain(pressed).collect();
        super::http::encode(&pairs)
    }
}
