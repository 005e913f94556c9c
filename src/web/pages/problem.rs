//! `/errors/{id}`: the page behind an `error_uri`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use crate::oauth::problem;
use crate::web::app::App;
use crate::web::browser::MaybeVisitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok};

/// `problem.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// The frame.
    pub layout: Layout,
    /// The stable name.
    pub id: String,
    /// The RFC's code.
    pub code: String,
    /// What is wrong.
    pub description: String,
    /// What to do.
    pub advice: String,
}

/// Explains an error to a developer.
pub async fn get(app: Data<App>, id: Path<String>, visitor: MaybeVisitor) -> Result<HttpResponse, PageError> {
    let problem = problem::find(&id).ok_or_else(|| PageError::not_found(&app))?;
    Ok(ok(&ProblemPage {
        layout: visitor.layout(&app),
        id: problem.id.to_owned(),
        code: problem.code.to_owned(),
        description: problem.description.to_owned(),
        advice: problem.advice.to_owned(),
    }))
}
