//! HTTP methods, as far as Synapse tells them apart.

/// The method of a request; every method Synapse has no servlet for is `Other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`, which Synapse runs as GET (`synapse/http/server.py`).
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`, answered 204 by every process.
    Options,
    /// `PATCH`
    Patch,
    /// Anything else.
    Other,
}

impl Method {
    /// Reads a method; methods are case-sensitive (RFC 9110, 9.1).
    pub fn from_bytes(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }
}

impl From<&str> for Method {
    fn from(name: &str) -> Self {
        Self::from_bytes(name.as_bytes())
    }
}

/// The methods a row of the table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Methods(u8);

impl Methods {
    /// GET, and with it HEAD.
    pub const GET: Self = Self(1);
    /// POST.
    pub const POST: Self = Self(2);
    /// PUT.
    pub const PUT: Self = Self(4);
    /// DELETE.
    pub const DELETE: Self = Self(8);
    /// Every method, known or not.
    pub const ANY: Self = Self(u8::MAX);

    /// Both sets together.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Their names; `*` for every method.
    pub fn names(self) -> Vec<&'static str> {
        if self == Self::ANY {
            return vec!["*"];
        }
        let known = [
            (Self::GET, "GET"),
            (Self::POST, "POST"),
            (Self::PUT, "PUT"),
            (Self::DELETE, "DELETE"),
        ];
        let named = known
            .into_iter()
            .filter(|(method, _)| self.0 & method.0 != 0);
        named.map(|(_, name)| name).collect()
    }

    /// Whether a request with this method is meant.
    pub const fn contains(self, method: Method) -> bool {
        self.0 & bit(method) != 0
    }
}

const fn bit(method: Method) -> u8 {
    match method {
        Method::Get | Method::Head => 1,
        Method::Post => 2,
        Method::Put => 4,
        Method::Delete => 8,
        Method::Options | Method::Patch | Method::Other => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_get_and_case_counts() {
        assert!(Methods::GET.contains(Method::from("HEAD")));
        assert_eq!(Method::from("get"), Method::Other);
        assert_eq!(Method::from_bytes(b"DELETE"), Method::Delete);
        assert!(!Methods::GET.or(Methods::PUT).contains(Method::Post));
        assert!(Methods::ANY.contains(Method::Other));
        assert!(!Methods::GET.contains(Method::Other));
    }
}
