//! A gateway's store with two customers, people of every role, mail of both, and the panel on top.

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use panel::{Health, PanelState};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use store::{Account, Arrival, Directory, Store};
use tokio::sync::watch;
use tower::ServiceExt;
use trace::{Hub, Id, Metrics, Scope, Story, SymbolLine, What};

pub(crate) const PASSWORD: &str = "correct horse";

/// Login, role, tenant.
const PEOPLE: [(&str, &str, &str); 7] = [
    ("op@host.example", "operator", "host"),
    ("desk@host.example", "help_desk", "host"),
    ("boss@acme.example", "reseller", "acme"),
    ("admin@acme.example", "domain_admin", "acme"),
    ("bob@acme.example", "user", "acme"),
    ("carol@sister.example", "user", "acme"),
    ("eve@zeta.example", "user", "zeta"),
];

pub(crate) struct House {
    pub(crate) store: Arc<Store>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) router: Router,
    pub(crate) control: Router,
    pub(crate) closing: watch::Sender<bool>,
    clock: Arc<Mutex<Timestamp>>,
    cookies: Mutex<HashMap<String, String>>,
    _directory: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl House {
    pub(crate) fn open() -> Self {
        Self::open_at("http://panel.example")
    }

    pub(crate) fn open_at(public_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = store::Settings {
            directory: directory.path().to_owned(),
            free_octets_min: 0,
            messages_max: 10_000,
            stories_kept_days: 30,
            stories_octets_max: 1 << 30,
            geo_databases: Vec::new(),
            campaign_messages_max: store::Campaigns::MEMBERS_MIN,
        };
        let store = Store::open(&settings).unwrap();
        let hash = Directory::hash_password(PASSWORD).unwrap();
        for (login, role, tenant) in PEOPLE {
            let domain = login.split_once('@').unwrap().1.to_owned();
            let account = Account {
                login: login.into(),
                domain,
                tenant: tenant.into(),
                hash: hash.clone(),
                enabled: true,
                role: role.into(),
                ..Account::default()
            };
            store.directory.put_account(&account).unwrap();
        }
        let metrics = Metrics::new();
        let hub = Hub::new(vec![Box::new(store.stories.sink()), Box::new(metrics.clone())]);
        let clock = Arc::new(Mutex::new(Timestamp::now()));
        let (closing, closed) = watch::channel(false);
        let now = Arc::clone(&clock);
        let state = PanelState {
            store: Arc::clone(&store),
            hub: Arc::clone(&hub),
            metrics,
            policy: Arc::new(ArcSwap::from_pointee(risk::Policy::default())),
            settings: panel::Settings {
                public_url: public_url.into(),
                metrics: false,
                site_name: "Host <&> Example".into(),
            },
            health: Arc::new(|| Health {
                ok: true,
                notes: vec!["clamav does not answer".into()],
            }),
            now: Arc::new(move || *now.lock().unwrap()),
            closing: closed,
        };
        Self {
            store,
            hub,
            router: panel::router(state.clone()),
            control: panel::control_router(state),
            closing,
            clock,
            cookies: Mutex::default(),
            _directory: directory,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        *self.clock.lock().unwrap()
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        let mut clock = self.clock.lock().unwrap();
        *clock = clock.checked_add(time).unwrap();
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        answer(response).await
    }

    /// A request as our pages make it, by somebody who is logged in.
    pub(crate) async fn ask(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let cookie = self.cookie(who).await;
        self.send(request(
            method,
            path,
            body,
            &[("cookie", &cookie), ("x-dogana", "1")],
        ))
        .await
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> Answer {
        self.ask(who, "GET", path, None).await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = request(method, path, body, &[("x-dogana-by", "root")]);
        answer(self.control.clone().oneshot(request).await.unwrap()).await
    }

    /// The session cookie of somebody, who logs in when needed.
    pub(crate) async fn cookie(&self, who: &str) -> String {
        if let Some(known) = self.cookies.lock().unwrap().get(who) {
            return known.clone();
        }
        let answer = self.log_in(who, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{who}: {}", answer.text);
        let line = answer.headers[header::SET_COOKIE].to_str().unwrap();
        let cookie = line.split(';').next().unwrap().to_owned();
        self.cookies
            .lock()
            .unwrap()
            .insert(who.to_owned(), cookie.clone());
        cookie
    }

    pub(crate) async fn log_in(&self, login: &str, password: &str) -> Answer {
        let body = json!({ "login": login, "password": password });
        self.send(request("POST", "/v1/session", Some(body), &[])).await
    }

    /// A message that was judged, told as a story; `class` decides what became of it.
    pub(crate) async fn told(&self, sender: &str, to: &str, subject: &str, class: &str) -> Id {
        let now = self.now();
        let id = Id::generate(now);
        let mut story = Story::open(Arc::clone(&self.hub), id);
        let client = ([192, 0, 2, 7], 40_000).into();
        story.tell(
            now,
            What::Connected {
                listener: "submission".into(),
                kind: "submission".into(),
                client,
                via: None,
            },
        );
        story.set_scope(self.scope(sender));
        story.tell(
            now,
            What::Mail {
                reverse_path: sender.into(),
                reply: "250 2.1.0 Ok".into(),
            },
        );
        story.tell(
            now,
            What::Rcpt {
                forward_path: to.into(),
                reply: "250 2.1.5 Ok".into(),
            },
        );
        let (header_from, message_id) = (sender.to_owned(), "<1@example>".to_owned());
        story.tell(
            now,
            What::Received {
                size_octets: 900,
                header_from,
                subject: subject.into(),
                message_id,
            },
        );
        let refused = class == "spam";
        let detail = format!("subject says {subject}");
        story.tell(
            now,
            What::Judged {
                stage: "data".into(),
                class: class.into(),
                action: if refused { "refuse" } else { "accept" }.into(),
                cause: if refused { "SPAM" } else { "" }.into(),
                reason: String::new(),
                score_db: 3.0,
                standing: "new".into(),
                symbols: vec![SymbolLine {
                    name: "TEST".into(),
                    weight_db: 23.0,
                    of_conduct: false,
                    detail,
                }],
                facts: Some(serde_json::value::to_raw_value(&json!({ "secret_fact": 1 })).unwrap()),
                verdict: serde_json::value::to_raw_value(
                    &json!({ "reason": { "why": "recipients", "max": 7 } }),
                )
                .ok(),
            },
        );
        let reply = if refused {
            "550 5.7.1 [SPAM] refused"
        } else {
            "250 2.0.0 queued"
        };
        story.tell(now, What::Answered { reply: reply.into() });
        story.end();
        self.store.stories.flush().await.unwrap();
        id
    }

    /// A message in the queue.
    pub(crate) async fn queued(&self, sender: &str, to: &str, held: bool) -> Id {
        let now = self.now();
        let id = Id::generate(now);
        let octets = Bytes::from_static(b"Subject: x\r\n\r\ny\r\n");
        let envelope = json!({
            "id": id,
            "arrived": now,
            "expires": now.checked_add(SignedDuration::from_hours(48)).unwrap(),
            "reverse_path": sender,
            "ret": null,
            "envid": null,
            "body": null,
            "smtputf8": false,
            "scope": self.scope(sender),
            "class": "clean",
            "pool": "clean",
            "size_octets": octets.len(),
        });
        let state = if held {
            json!({ "state": "held", "reason": "look at it" })
        } else {
            json!({ "state": "scheduled", "due": now })
        };
        let recipient = json!({
            "forward_path": to,
            "orcpt": null,
            "notify": null,
            "state": state,
            "attempts": 0,
            "last_reply": null,
            "delay_notified": false,
        });
        let arrival = Arrival {
            envelope: serde_json::from_value(envelope).unwrap(),
            recipients: vec![serde_json::from_value(recipient).unwrap()],
            chunks: vec![octets],
        };
        self.store.queue.admit(arrival).await.unwrap();
        id
    }

    /// The verdict on a message, told.
    pub(crate) async fn judged(&self, id: Id, sender: &str, action: &str) {
        let what = What::Judged {
            stage: "data".into(),
            class: "suspect".into(),
            action: action.into(),
            cause: String::new(),
            reason: String::new(),
            score_db: 3.0,
            standing: "new".into(),
            symbols: Vec::new(),
            facts: None,
            verdict: None,
        };
        self.hub.tell(id, self.now(), &Arc::new(self.scope(sender)), what);
        self.store.stories.flush().await.unwrap();
    }

    pub(crate) fn scope(&self, sender: &str) -> Scope {
        let account = self.store.directory.account(sender).unwrap().unwrap();
        Scope {
            tenant: account.tenant.clone(),
            domain: account.domain.clone(),
            sender: format!("mailbox:{sender}"),
        }
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(body.to_string().into())
            .unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

async fn answer(response: axum::response::Response) -> Answer {
    let (parts, body) = response.into_parts();
    let octets = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&octets).into_owned();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text,
    }
}
