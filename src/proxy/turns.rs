//! Large bodies take turns: one piece of one body at a time, then whoever else has something to do.
//!
//! A piece takes as long as many small requests. Without turns these would wait for a piece of every large body that
//! moves at the moment.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    task::{Context, Poll, Waker},
};

use tokio::task::yield_now;

/// The line of one thread.
#[derive(Debug, Default)]
pub struct Turns {
    line: RefCell<VecDeque<Waker>>,
    /// Places in the line given so far.
    given: Cell<u64>,
    /// The last place whose turn it was.
    called: Cell<u64>,
    caller: RefCell<Option<Waker>>,
}

/// A place in the line; 0 for none.
#[derive(Debug, Default)]
pub(super) struct Place(u64);

impl Turns {
    /// Calls one after the other, for ever; the thread looks at its sockets after each.
    pub async fn call(&self) {
        loop {
            poll_fn(|cx| self.poll_next(cx)).await.wake();
            yield_now().await;
        }
    }

    /// Ready, and out of the line, when it is the turn of `place`; takes a place first.
    pub(super) fn poll(&self, cx: &Context<'_>, place: &mut Place) -> Poll<()> {
        if place.0 == 0 {
            self.given.set(self.given.get() + 1);
            place.0 = self.given.get();
            self.line.borrow_mut().push_back(cx.waker().clone());
            if let Some(caller) = self.caller.take() {
                caller.wake();
            }
        }
        if place.0 > self.called.get() {
            return Poll::Pending;
        }
        *place = Place::default();
        Poll::Ready(())
    }

    /// Who has left the line is called in vain.
    fn poll_next(&self, cx: &Context<'_>) -> Poll<Waker> {
        match self.line.borrow_mut().pop_front() {
            Some(next) => {
                self.called.set(self.called.get() + 1);
                Poll::Ready(next)
            }
            None => {
                self.caller.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
        task::{LocalSet, spawn_local},
    };

    use super::*;

    const BODIES: usize = 100;

    /// So many bodies that move for ever; gives how many pieces moved.
    fn bodies(turns: &Rc<Turns>, count: usize) -> Rc<Cell<usize>> {
        let moved = Rc::new(Cell::new(0));
        for _ in 0..count {
            let (turns, moved, mut place) = (turns.clone(), moved.clone(), Place::default());
            spawn_local(async move {
                loop {
                    poll_fn(|cx| turns.poll(cx, &mut place)).await;
                    moved.set(moved.get() + 1);
                }
            });
        }
        moved
    }

    fn on_a_thread(test: impl AsyncFnOnce(Rc<Turns>)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, async {
            let turns = Rc::<Turns>::default();
            let caller = turns.clone();
            spawn_local(async move { caller.call().await });
            test(turns).await;
        });
    }

    #[test]
    fn a_small_request_waits_for_a_few_pieces_only() {
        on_a_thread(async |turns| {
            let (mut client, mut worker) = UnixStream::pair().unwrap();
            let moved = bodies(&turns, BODIES);
            spawn_local(async move {
                let mut byte = [0];
                while worker.read_exact(&mut byte).await.is_ok() {
                    worker.write_all(&byte).await.unwrap();
                }
            });
            while moved.get() < BODIES {
                yield_now().await;
            }
            for _ in 0..10 {
                let before = moved.get();
                let mut byte = [1];
                client.write_all(&byte).await.unwrap();
                client.read_exact(&mut byte).await.unwrap();
                let waited_for = moved.get() - before;
                assert!(waited_for <= 8, "{waited_for} pieces");
            }
        });
    }

    #[test]
    fn everybody_is_called_as_often_as_others() {
        on_a_thread(async |turns| {
            let (first, others) = (bodies(&turns, 1), bodies(&turns, 2));
            while first.get() < 10 {
                yield_now().await;
            }
            assert!((18..=20).contains(&others.get()), "{}", others.get());
        });
    }

    #[test]
    fn who_left_the_line_holds_nobody_up() {
        on_a_thread(async |turns| {
            poll_fn(|cx| {
                assert!(turns.poll(cx, &mut Place::default()).is_pending());
                Poll::Ready(())
            })
            .await;
            let moved = bodies(&turns, 1);
            while moved.get() < 3 {
                yield_now().await;
            }
        });
    }
}
