//! Wordings of browsers: pages, codes and the console.

use super::rule::rules;

rules! {
    "chrome" ["500 (Internal Server Error)"] HttpStatus Request;
    "chrome" ["503 (Service Unavailable)"] HttpStatus Request;
    "chrome" ["404 (Not Found)"] HttpStatus Request;
    "chrome" ["403 (Forbidden)"] HttpStatus Request;
    "chrome" ["400 (Bad Request)"] HttpStatus Request;
    "chrome" ["405 (Method Not Allowed)"] HttpStatus Request;
    "chrome" ["401 (Unauthorized)"] AuthenticationFailed Request;
    "chrome" ["502 (Bad Gateway)"] UpstreamFailed Request;
    "chrome" ["504 (Gateway Timeout)"] UpstreamFailed Request;
    "chrome" ["ERR_CONNECTION_REFUSED"] Refused Connect;
    "chrome" ["refused to connect."] Refused Connect;
    "chrome" ["ERR_CONNECTION_RESET"] Reset Read;
    "chrome" ["ERR_CONNECTION_CLOSED"] EmptyReply Read;
    "chrome" ["ERR_CONNECTION_TIMED_OUT"] NoHandshake Connect;
    "chrome" ["ERR_TIMED_OUT"] NoAnswer Connect;
    "chrome" ["took too long to respond"] NoHandshake Connect;
    "chrome" ["ERR_EMPTY_RESPONSE"] EmptyReply Read;
    "chrome" ["didn’t send any data"] EmptyReply Read;
    "chrome" ["didn't send any data"] EmptyReply Read;
    "chrome" ["ERR_SSL_PROTOCOL_ERROR"] TlsUnexpected Handshake;
    "chrome" ["sent an invalid response"] TlsUnexpected Handshake, echo;
    "chrome" ["ERR_UNSAFE_PORT"] UnsafePort Request;
    "chrome" ["ERR_INVALID_HTTP_RESPONSE"] WrongProtocol Read;
    "chrome" ["ERR_HTTP2_PROTOCOL_ERROR"] WrongProtocol Read;
    "chrome" ["ERR_ADDRESS_INVALID"] AddressNotAvailable Connect;
    "chrome" ["ERR_ADDRESS_UNREACHABLE"] Unreachable Connect;
    "chrome" ["ERR_NAME_NOT_RESOLVED"] NameUnknown Resolve;
    "chrome" ["DNS_PROBE_FINISHED_NXDOMAIN"] NameUnknown Resolve;
    "chrome" ["ERR_PROXY_CONNECTION_FAILED"] ProxyFailed Connect;
    "chrome" ["ERR_TUNNEL_CONNECTION_FAILED"] ProxyFailed Connect;
    "chrome" ["ERR_CERT_AUTHORITY_INVALID"] CertificateUntrusted Handshake;
    "chrome" ["ERR_CERT_COMMON_NAME_INVALID"] CertificateUntrusted Handshake;
    "chrome" ["ERR_CERT_DATE_INVALID"] CertificateUntrusted Handshake;
    "chrome" ["You cannot visit", "because the website uses HSTS"] CertificateUntrusted Handshake, says "dot-dev-hsts";
    "chrome" ["ERR_BLOCKED_BY_CLIENT"] Other Request;
    "chrome" ["ERR_TOO_MANY_REDIRECTS"] HttpStatus Request, says "https-forced";
    "chrome" ["ERR_NETWORK_ACCESS_DENIED"] NotPermitted Connect;
    "chrome" ["has been blocked by CORS policy"] CrossOrigin Request, after " at ";
    "chrome" ["has been blocked by CORS policy", "private address space"] CrossOrigin Request,
        after " at ", says "private-network-access";
    "chrome" ["has been blocked by CORS policy", "address space"] CrossOrigin Request,
        after " at ", says "private-network-access";
    "chrome" ["Access-Control-Allow-Private-Network"] CrossOrigin Request, says "private-network-access";
    "chrome" ["ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS"] CrossOrigin Request, says "private-network-access";
    "chrome" ["ERR_BLOCKED_BY_PRIVATE_NETWORK_ACCESS_CHECKS"] CrossOrigin Request, says "private-network-access";
    "chrome" ["Mixed Content: The page at"] CrossOrigin Request, after "insecure resource ";
    "chrome" ["attempt to set a cookie via a Set-Cookie", "was blocked"] Other Request, says "cookie-not-sent";
    "chrome" ["SameSite=None", "Secure"] Other Request, says "cookie-not-sent";
    "firefox" ["has been rejected because", "cookie"] Other Request, says "cookie-not-sent";
    "chrome" ["WebSocket connection to", "failed"] Refused Handshake, echo, after "connection to ";
    "chrome" ["Error during WebSocket handshake: Unexpected response code:"] HttpStatus Handshake,
        says "websocket-upgrade-missing";
    "chrome" ["Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received"] HttpStatus Handshake,
        says "websocket-subprotocol-missing";
    "chrome" ["'Sec-WebSocket-Protocol' header value", "in response does not match any of sent values"] HttpStatus Handshake,
        says "websocket-subprotocol-missing";
    "chrome" ["Error in connection establishment: net::ERR_CONNECTION_REFUSED"] Refused Connect;
    "chrome" ["HTTP ERROR 403"] HttpStatus Request;
    "chrome" ["HTTP ERROR 404"] HttpStatus Request;
    "chrome" ["HTTP ERROR 500"] HttpStatus Request;
    "chrome" ["HTTP ERROR 502"] UpstreamFailed Request;
    "chrome" ["HTTP ERROR 401"] AuthenticationFailed Request;
    "chrome" ["Failed to load resource: the server responded with a status of"] HttpStatus Request, echo;
    "firefox" ["can’t establish a connection to the server at"] Refused Connect, after "server at ";
    "firefox" ["can’t establish a connection to the server at ws"] Refused Handshake, after "server at ";
    "firefox" ["NS_ERROR_CONNECTION_REFUSED"] Refused Connect;
    "firefox" ["NS_ERROR_NET_RESET"] Reset Read;
    "firefox" ["NS_ERROR_NET_TIMEOUT"] NoHandshake Connect;
    "firefox" ["NS_ERROR_UNKNOWN_HOST"] NameUnknown Resolve;
    "firefox" ["We can’t connect to the server at"] NameUnknown Resolve, after "server at ";
    "firefox" ["The connection to the server was reset while the page was loading"] Reset Read;
    "firefox" ["is taking too long to respond"] NoHandshake Connect, after "server at ";
    "firefox" ["SSL_ERROR_RX_RECORD_TOO_LONG"] TlsUnexpected Handshake;
    "firefox" ["SEC_ERROR_UNKNOWN_ISSUER"] CertificateUntrusted Handshake;
    "firefox" ["MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT"] CertificateUntrusted Handshake;
    "firefox" ["This address uses a network port which is normally used for purposes other than Web browsing"] UnsafePort Request;
    "firefox" ["The proxy server is refusing connections"] ProxyFailed Connect;
    "firefox" ["Cross-Origin Request Blocked:"] CrossOrigin Request, after "resource at ";
    "safari" ["Safari can’t connect to the server"] Refused Connect;
    "safari" ["Safari can’t open the page", "could not connect to the server"] Refused Connect, after "open the page ";
    "safari" ["Safari can’t open the page", "couldn’t establish a secure connection"] TlsUnexpected Handshake;
    "safari" ["Safari can’t open the page", "unexpectedly dropped the connection"] EmptyReply Read;
    "safari" ["Safari can’t find the server"] NameUnknown Resolve;
    "safari" ["Not allowed to use restricted network port"] UnsafePort Request;
    "safari" ["Fetch API cannot load", "due to access control checks"] CrossOrigin Request;
    "safari" ["NSURLErrorDomain Code=-1004"] Refused Connect;
    "safari" ["Origin", "is not allowed by Access-Control-Allow-Origin"] CrossOrigin Request;
}
