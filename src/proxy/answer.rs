//! What a worker answers, as far as it has, and the form in which its client gets it.

use tokio::time::Instant;

use super::{callers, encoder::Encoder};
use crate::{http1::Body, identity::Lesson, telemetry::Reason};

/// What the worker has answered, as far as it has.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) at: Instant,
    /// The client's connection ends with this answer.
    pub(super) close: bool,
    /// The worker's connection can serve another request.
    pub(super) reusable: bool,
    /// What the body becomes on its way; none when it goes as it comes.
    pub(super) form: Option<Box<Form>>,
}

/// Another form of a body.
pub(super) enum Form {
    /// Without chunks, for a client that speaks HTTP/1.0.
    Bare,
    /// Compressed.
    Coded(Box<Encoder>),
}

impl Answer {
    /// True when what follows is no HTTP any more.
    pub(super) fn switched(&self) -> bool {
        self.status == 101
    }

    /// As [`Body::advance`]; bytes behind the body make the connection useless. A lesson is learned before the last
    /// piece reaches the client, who may use it at once.
    pub(super) fn advance(
        &mut self,
        bytes: &[u8],
        lesson: &mut Option<Box<Lesson>>,
        mut show: impl FnMut(&[u8]),
    ) -> Result<usize, Reason> {
        let heard = |piece: &[u8]| {
            callers::hear(lesson, piece);
            show(piece);
        };
        let used = self
            .body
            .advance(bytes, heard)
            .map_err(|_| Reason::BadAnswer)?;
        self.reusable &= used == bytes.len();
        if self.body.is_whole()
            && let Some(lesson) = lesson.take()
        {
            lesson.learn();
        }
        Ok(used)
    }

    /// Bytes of payload that the client gets.
    pub(super) fn payload(&self) -> u64 {
        match self.form.as_deref() {
            Some(Form::Coded(encoder)) => encoder.written(),
            _ => self.body.payload(),
        }
    }

    /// True while each piece of its body is work: it is large, or compressed.
    pub(super) fn is_large(&self) -> bool {
        let is_coded = matches!(self.form.as_deref(), Some(Form::Coded(_)));
        !self.body.is_whole() && (is_coded || self.body.is_large())
    }

    /// Adds the body's part of `bytes` to `out`, in the form that the client gets.
    pub(super) fn take_body(
        &mut self,
        bytes: &[u8],
        lesson: &mut Option<Box<Lesson>>,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let mut form = self.form.take();
        let taken = match form.as_deref_mut() {
            None => self
                .advance(bytes, lesson, |_| ())
                .map(|used| out.extend_from_slice(&bytes[..used])),
            Some(Form::Bare) => self
                .advance(bytes, lesson, |piece| out.extend_from_slice(piece))
                .map(drop),
            Some(Form::Coded(encoder)) => self.encode(bytes, lesson, encoder, out),
        };
        self.form = form;
        taken
    }

    /// Adds the body's part of `bytes` to `out`, compressed; all of it can be read at once.
    fn encode(
        &mut self,
        bytes: &[u8],
        lesson: &mut Option<Box<Lesson>>,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let mut coded = Ok(());
        self.advance(bytes, lesson, |piece| {
            if coded.is_ok() {
                coded = encoder.take(piece);
            }
        })?;
        coded
            .and_then(|()| match self.body.is_whole() {
                true => encoder.finish(out),
                false => encoder.flush(out),
            })
            .map_err(|_| Reason::CutShort)
    }
}
