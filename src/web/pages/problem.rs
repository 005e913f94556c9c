//! `/errors/{id}`: the page behind an `error_uri` (RFC 6749 §4.1.2.1).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use crate::oauth::problem::Problem;
use crate::web::app::App;
use crate::web::browser::MaybeVisitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok};

/// The data of the template `problem.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    pub layout: Layout,
    /// The stable id of the problem.
    pub id: String,
    /// The error code of the RFC.
    pub code: String,
    pub description: String,
    /// What the developer should do.
    pub advice: String,
}

/// Explains a problem to a developer.
pub async fn get(app: Data<App>, id: Path<String>, visitor: MaybeVisitor) -> Result<HttpResponse, PageError> {
    let problem = Problem::find(&id).ok_or_else(PageError::not_found)?;
    Ok(ok(&ProblemPage {
        layout: visitor.layout(&app),
        id: problem.id().to_owned(),
        code: problem.code().to_owned(),
        description: problem.description().to_owned(),
        advice: problem.advice().to_owned(),
    }))
}
