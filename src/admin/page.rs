//! The status page: three files of our own, and nothing from elsewhere.

use axum::{
    http::header,
    response::{Html, IntoResponse},
};

/// The page itself; it asks `/api/pools` each second.
pub(super) async fn html() -> Html<&'static str> {
    Html(include_str!("page/status.html"))
}

/// Its script.
pub(super) async fn script() -> impl IntoResponse {
    typed(
        "text/javascript; charset=utf-8",
        include_str!("page/status.js"),
    )
}

/// Its style.
pub(super) async fn style() -> impl IntoResponse {
    typed("text/css; charset=utf-8", include_str!("page/status.css"))
}

/// Its icon.
pub(super) async fn icon() -> impl IntoResponse {
    typed("image/svg+xml", include_str!("page/icon.svg"))
}

fn typed(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], text)
}
