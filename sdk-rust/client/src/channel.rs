//! One connection that has been welcomed: frames out, frames in.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use interprocess::local_socket::traits::Stream as _;
use interprocess::local_socket::{GenericFilePath, Stream, ToFsName as _};
use vt_protocol::{Endpoint, Frames, MAX_FRAME, Message, Reply, VERSION, frame};

use crate::ClientError;

/// How long the runner may take for an answer. It has all it needs at hand, so that only a
/// runner that was stopped or is broken takes longer.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// A welcomed connection. After an error it is of no use.
#[derive(Debug)]
pub(crate) struct Channel {
    stream: Stream,
    frames: Frames,
    last_request: u32,
}

impl Channel {
    pub(crate) fn open(endpoint: &Endpoint) -> Result<Self, ClientError> {
        let name = endpoint
            .socket
            .as_path()
            .to_fs_name::<GenericFilePath>()
            .map_err(ClientError::Unreachable)?;
        let stream = Stream::connect(name).map_err(ClientError::Unreachable)?;
        stream
            .set_recv_timeout(Some(ANSWER_TIME))
            .and_then(|()| stream.set_send_timeout(Some(ANSWER_TIME)))
            .map_err(ClientError::Unreachable)?;
        let mut channel = Self {
            stream,
            frames: Frames::new(MAX_FRAME),
            last_request: 0,
        };
        // A runner that refuses closes at once, so that its reason may be there although the
        // hello could not be sent whole.
        let sent = channel.send(&Message::Hello {
            version: VERSION,
            token: endpoint.token.clone(),
        });
        match (channel.receive(), sent) {
            (Ok(Reply::Welcome { .. }), _) => Ok(channel),
            (Ok(Reply::Error { text, .. }), _) => Err(ClientError::Refused(text)),
            (Err(ClientError::Broken(error)), _) => Err(ClientError::Unreachable(error)),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(_), Ok(())) => Err(ClientError::Refused("the welcome is missing".to_owned())),
        }
    }

    /// Hands a message to the kernel.
    pub(crate) fn send(&mut self, message: &Message) -> Result<(), ClientError> {
        let bytes = frame(&message.encode())
            .map_err(|_| ClientError::BadArgument("more than fits into a message"))?;
        self.stream.write_all(&bytes).map_err(ClientError::Broken)
    }

    /// Asks with a number of its own and waits for the answer to it.
    pub(crate) fn ask(&mut self, question: impl Fn(u32) -> Message) -> Result<Reply, ClientError> {
        self.last_request = self.last_request.checked_add(1).unwrap_or(1);
        let request = self.last_request;
        self.send(&question(request))?;
        match self.receive()? {
            Reply::Error { text, .. } => Err(ClientError::Refused(text)),
            reply @ (Reply::Env { request: other, .. } | Reply::Envs { request: other, .. })
                if other == request =>
            {
                Ok(reply)
            }
            _ => Err(ClientError::Refused(
                "the answer is to another question".to_owned(),
            )),
        }
    }

    fn receive(&mut self) -> Result<Reply, ClientError> {
        let mut buffer = [0; 16 << 10];
        loop {
            let payload = self
                .frames
                .next_payload()
                .map_err(ClientError::Misunderstood)?;
            if let Some(payload) = payload {
                return Reply::decode(&payload).map_err(ClientError::Misunderstood);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(length) => self.frames.push(buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ClientError::Broken(error)),
            }
        }
    }
}
