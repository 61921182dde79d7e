//! What the site's content model learned: teaching, looking, taking it away and bringing one.
//!
//! For operators alone: what the model learns counts for everybody's mail. Each change is told, with who made it. A message is
//! given by its story while it is in the queue (nothing keeps it longer), or as its octets.

use crate::role::Role;
use crate::state::Shared;
use crate::wire::{Params, blocking, given};
use crate::{PanelError, Viewer};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Json, Response};
use risk::View;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Label, ModelReport, StoreError};
use trace::{Id, Scope, What};

/// Octets of a message that is given, or of a model.
pub(crate) const OCTETS_MAX: usize = 32 << 20;

type Octets = Result<Bytes, BytesRejection>;

/// What a message is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Spam,
    Ham,
}

/// What is said of a message that is given as octets.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Asked {
    label: Option<Said>,
    /// Key of its sender, whose labels of a day are limited.
    account: Option<String>,
}

/// What is said of a message in the queue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    label: Option<Said>,
    story: Id,
}

#[derive(Serialize)]
pub(crate) struct Learned {
    /// The label's number.
    number: i64,
}

/// A message that is spoken of.
struct Subject {
    label: Option<Said>,
    /// Its own, or a new one for a message that has none.
    story: Id,
    scope: Scope,
    message: Message,
}

enum Message {
    Octets(Bytes),
    InTheQueue,
}

/// `POST /v1/model/learn`.
pub(crate) async fn learn(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Params(asked): Params<Asked>,
    headers: HeaderMap,
    octets: Octets,
) -> Result<Json<Learned>, PanelError> {
    operator(&viewer)?;
    let subject = subject(&shared, asked, &headers, octets)?;
    let spam = match subject.label {
        Some(label) => label == Said::Spam,
        None => return Err(PanelError::Invalid("say the label: spam or ham".to_owned())),
    };
    let number = blocking(move || {
        let view = subject.view(&shared)?;
        let label = Label {
            spam,
            source: "operator",
            account: &subject.scope.sender,
        };
        let number = shared.state.store.models.learn(&view, &label, shared.now())?;
        let verb = if spam { "learn_spam" } else { "learn_ham" };
        subject.tell(&shared, &viewer, verb);
        Ok::<_, PanelError>(number)
    });
    Ok(Json(Learned {
        number: number.await??,
    }))
}

/// `DELETE /v1/model/learn`: as if it had never been said.
pub(crate) async fn unlearn(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Params(asked): Params<Asked>,
    headers: HeaderMap,
    octets: Octets,
) -> Result<Json<()>, PanelError> {
    operator(&viewer)?;
    let subject = subject(&shared, asked, &headers, octets)?;
    let unlearned = blocking(move || {
        let view = subject.view(&shared)?;
        shared.state.store.models.unlearn(&view, shared.now())?;
        subject.tell(&shared, &viewer, "unlearn");
        Ok::<_, PanelError>(())
    });
    unlearned.await?.map(Json)
}

/// `GET /v1/model`: in figures.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
) -> Result<Json<ModelReport>, PanelError> {
    operator(&viewer)?;
    Ok(Json(blocking(move || shared.state.store.models.report()).await??))
}

/// `POST /v1/model/reset`: forgets everything.
pub(crate) async fn reset(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
) -> Result<Json<ModelReport>, PanelError> {
    change(shared, viewer, "model_reset", String::new(), |shared| {
        shared.state.store.models.reset()
    })
    .await
}

/// `POST /v1/model/restore/{id}`: back to a snapshot.
pub(crate) async fn restore(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Path(snapshot): Path<String>,
) -> Result<Json<ModelReport>, PanelError> {
    operator(&viewer)?;
    let id: i64 = snapshot.parse().map_err(|_| PanelError::Missing("snapshot"))?;
    let why = format!("snapshot {id}");
    change(shared, viewer, "model_restore", why, move |shared| {
        shared.state.store.models.restore(id)
    })
    .await
}

/// Whose labels are forgotten.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgotten {
    source: String,
    /// Key of a sender: only labels of its mail.
    account: Option<String>,
}

/// `DELETE /v1/model/labels`: as if a source had never said anything.
pub(crate) async fn forget(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    Params(of): Params<Forgotten>,
) -> Result<Json<ModelReport>, PanelError> {
    operator(&viewer)?;
    let why = format!("{} {}", of.source, of.account.as_deref().unwrap_or_default());
    change(
        shared,
        viewer,
        "model_forget",
        why.trim_end().to_owned(),
        move |shared| {
            let models = &shared.state.store.models;
            models
                .forget(&of.source, of.account.as_deref(), shared.now())
                .map(|_| ())
        },
    )
    .await
}

/// `PUT /v1/model`: takes over a model of another site.
pub(crate) async fn import(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
    octets: Octets,
) -> Result<Json<ModelReport>, PanelError> {
    operator(&viewer)?;
    let octets = octets?;
    change(shared, viewer, "model_import", String::new(), move |shared| {
        shared.state.store.models.import(&octets, shared.now())
    })
    .await
}

/// `GET /v1/model/export`.
pub(crate) async fn export(
    State(shared): State<Arc<Shared>>,
    viewer: Viewer,
) -> Result<Response, PanelError> {
    operator(&viewer)?;
    let octets = blocking(move || {
        let octets = shared.state.store.models.export();
        tell(
            &shared,
            &viewer,
            Id::generate(shared.now()),
            Scope::default(),
            "model_export",
            String::new(),
        );
        octets
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"dogana.model\"",
        ),
    ];
    Ok((headers, octets.await?).into_response())
}

/// A message that an operator let go although it was held for what is in it.
pub(crate) struct Released {
    pub(crate) id: Id,
    pub(crate) scope: Scope,
    pub(crate) message: Bytes,
}

/// It is no spam. The label may be given already or be one too many: the release counts, not what is learned of it.
pub(crate) fn learn_released(shared: &Shared, viewer: &Viewer, released: &Released) {
    let Released { id, scope, message } = released;
    let label = Label {
        spam: false,
        source: "operator",
        account: &scope.sender,
    };
    let learned = shared
        .state
        .store
        .models
        .learn(&view(message, scope), &label, shared.now());
    if learned.is_ok() {
        tell(shared, viewer, *id, scope.clone(), "learn_ham", String::new());
    }
}

/// As the doors read it: the sender's domain is one that links may imitate.
fn view(message: &[u8], scope: &Scope) -> View {
    let own = [scope.domain.as_str()];
    risk::view(message, if own[0].is_empty() { &[] } else { &own })
}

async fn change(
    shared: Arc<Shared>,
    viewer: Viewer,
    verb: &'static str,
    why: String,
    work: impl FnOnce(&Shared) -> Result<(), StoreError> + Send + 'static,
) -> Result<Json<ModelReport>, PanelError> {
    operator(&viewer)?;
    let changed = blocking(move || {
        work(&shared)?;
        tell(
            &shared,
            &viewer,
            Id::generate(shared.now()),
            Scope::default(),
            verb,
            why,
        );
        shared.state.store.models.report()
    });
    Ok(Json(changed.await??))
}

fn operator(viewer: &Viewer) -> Result<(), PanelError> {
    if viewer.role() == Role::Operator {
        Ok(())
    } else {
        Err(PanelError::Forbidden("the content model is the operators'"))
    }
}

fn subject(
    shared: &Shared,
    asked: Asked,
    headers: &HeaderMap,
    octets: Octets,
) -> Result<Subject, PanelError> {
    let octets = octets?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("message/rfc822")) {
        let sender = given(asked.account).unwrap_or_default();
        return Ok(Subject {
            label: asked.label,
            story: Id::generate(shared.now()),
            scope: Scope {
                sender,
                ..Scope::default()
            },
            message: Message::Octets(octets),
        });
    }
    let order: Order =
        serde_json::from_slice(&octets).map_err(|error| PanelError::Invalid(error.to_string()))?;
    let (envelope, _) = shared
        .state
        .store
        .queue
        .get(order.story)
        .ok_or(PanelError::NotKept)?;
    Ok(Subject {
        label: order.label.or(asked.label),
        story: order.story,
        scope: envelope.scope.clone(),
        message: Message::InTheQueue,
    })
}

impl Subject {
    fn view(&self, shared: &Shared) -> Result<View, PanelError> {
        match &self.message {
            Message::Octets(octets) => Ok(risk::view_of_file(octets)),
            Message::InTheQueue => {
                let octets = shared.state.store.queue.message(self.story);
                let octets = octets.map_err(|error| match error {
                    StoreError::Missing(_) => PanelError::NotKept,
                    other => other.into(),
                })?;
                Ok(view(&octets, &self.scope))
            }
        }
    }

    fn tell(self, shared: &Shared, viewer: &Viewer, verb: &str) {
        let why = match &self.message {
            Message::Octets(octets) => format!("a file of {} octets", octets.len()),
            Message::InTheQueue => String::new(),
        };
        tell(shared, viewer, self.story, self.scope, verb, why);
    }
}

fn tell(shared: &Shared, viewer: &Viewer, id: Id, scope: Scope, verb: &str, reason: String) {
    let what = What::Handled {
        verb: verb.to_owned(),
        by: viewer.name().to_owned(),
        reason,
    };
    shared.state.hub.tell(id, shared.now(), &Arc::new(scope), what);
}
