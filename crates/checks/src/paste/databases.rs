//! Wordings of databases, caches and message brokers, both their servers and their own clients.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of data stores.
pub(super) const RULES: &[Rule] = &[
    rule(&["connection to server at", "failed: connection refused"], Symptom::Refused).of("psql").call(Call::Connect).errno(111),
    rule(&["connection to server at", "failed: timeout expired"], Symptom::NoHandshake).of("psql").call(Call::Connect),
    rule(&["connection to server at", "failed: connection timed out"], Symptom::NoHandshake)
        .of("psql")
        .call(Call::Connect)
        .errno(110),
    rule(&["connection to server at", "failed: no route to host"], Symptom::Unreachable)
        .of("psql")
        .call(Call::Connect)
        .errno(113),
    rule(&["connection to server at", "server closed the connection unexpectedly"], Symptom::EmptyReply)
        .of("psql")
        .call(Call::Handshake),
    rule(&["connection to server at", "received invalid response to SSL negotiation"], Symptom::WrongProtocol)
        .of("psql")
        .call(Call::Handshake),
    rule(&["connection to server at", "password authentication failed"], Symptom::AuthenticationFailed)
        .of("psql")
        .call(Call::Handshake),
    rule(&["connection to server at", "no password supplied"], Symptom::AuthenticationFailed).of("psql").call(Call::Handshake),
    rule(&["connection to server at", "no pg_hba.conf entry"], Symptom::AuthenticationFailed).of("psql").call(Call::Handshake),
    rule(&["connection to server at", "too many clients already"], Symptom::TooManyConnections).of("psql").call(Call::Handshake),
    rule(&["connection to server at", "server does not support SSL"], Symptom::TlsUnexpected).of("psql").call(Call::Handshake),
    rule(&["connection to server at", "the database system is starting up"], Symptom::Other)
        .of("psql")
        .call(Call::Handshake)
        .says("not-ready-yet"),
    rule(&["connection to server on socket", "no such file or directory"], Symptom::NoSuchPath)
        .of("psql")
        .call(Call::Connect)
        .errno(2),
    rule(&["connection to server on socket", "connection refused"], Symptom::Refused).of("psql").call(Call::Connect).errno(111),
    rule(&["connection to server on socket", "permission denied"], Symptom::PermissionDenied)
        .of("psql")
        .call(Call::Connect)
        .errno(13),
    rule(&["connection to server on socket", "peer authentication failed"], Symptom::AuthenticationFailed)
        .of("psql")
        .call(Call::Handshake),
    rule(&["could not connect to server: connection refused"], Symptom::Refused).of("psql").call(Call::Connect).errno(111),
    rule(&["could not connect to server: no such file or directory"], Symptom::NoSuchPath)
        .of("psql")
        .call(Call::Connect)
        .errno(2),
    rule(&["could not connect to server", "timed out"], Symptom::NoHandshake).of("psql").call(Call::Connect).errno(110),
    rule(&["could not translate host name"], Symptom::NameUnknown).of("psql").call(Call::Resolve).after("host name "),
    rule(&["invalid port number:"], Symptom::PortOutOfRange).after("number: ").of("psql"),
    rule(&["invalid integer value", "for connection option \"port\""], Symptom::PortOutOfRange).of("psql").after("value "),
    rule(&["password authentication failed for user"], Symptom::AuthenticationFailed).of("postgresql").call(Call::Handshake),
    rule(&["28P01"], Symptom::AuthenticationFailed).of("postgresql").call(Call::Handshake),
    rule(&["sorry, too many clients already"], Symptom::TooManyConnections).of("postgresql").call(Call::Handshake),
    rule(&["remaining connection slots are reserved"], Symptom::TooManyConnections).of("postgresql").call(Call::Handshake),
    rule(&["53300"], Symptom::TooManyConnections).of("postgresql").call(Call::Handshake).echo(),
    rule(&["could not bind IPv4 address", "address already in use"], Symptom::InUse).of("postgresql").call(Call::Bind).errno(98),
    rule(&["could not bind IPv6 address", "address already in use"], Symptom::InUse).of("postgresql").call(Call::Bind).errno(98),
    rule(&["could not bind IPv4 address", "assign requested address"], Symptom::AddressNotAvailable)
        .of("postgresql")
        .call(Call::Bind)
        .errno(99),
    rule(&["Is another postmaster already running on port"], Symptom::InUse).of("postgresql").call(Call::Bind),
    rule(&["could not create any TCP/IP sockets"], Symptom::InUse).of("postgresql").call(Call::Bind).echo(),
    rule(&["lock file \"postmaster.pid\" already exists"], Symptom::InUse)
        .of("postgresql")
        .call(Call::Listen)
        .says("stale-pidfile"),
    rule(&["lock file", ".s.PGSQL.", "already exists"], Symptom::InUse).of("postgresql").call(Call::Listen).says("stale-pidfile"),
    rule(&["invalid length of startup packet"], Symptom::WrongProtocol).of("postgresql").call(Call::Handshake),
    rule(&["unsupported frontend protocol"], Symptom::WrongProtocol).of("postgresql").call(Call::Handshake),
    rule(&["Can't connect to MySQL server on", "(111)"], Symptom::Refused).of("mysql").call(Call::Connect).errno(111),
    rule(&["Can't connect to MySQL server on", "(61)"], Symptom::Refused).of("mysql").call(Call::Connect).errno(111),
    rule(&["Can't connect to MySQL server on", "(10061)"], Symptom::Refused).of("mysql").call(Call::Connect).errno(111),
    rule(&["Can't connect to MySQL server on", "(110)"], Symptom::NoHandshake).of("mysql").call(Call::Connect).errno(110),
    rule(&["Can't connect to MySQL server on", "(113)"], Symptom::Unreachable).of("mysql").call(Call::Connect).errno(113),
    rule(&["Can't connect to MySQL server on", "connection refused"], Symptom::Refused)
        .of("mysql")
        .call(Call::Connect)
        .errno(111),
    rule(&["Can't connect to server on", "(115)"], Symptom::Refused).of("mariadb").call(Call::Connect).errno(111),
    rule(&["Can't connect to server on", "(111)"], Symptom::Refused).of("mariadb").call(Call::Connect).errno(111),
    rule(&["Can't connect to server on", "(110)"], Symptom::NoHandshake).of("mariadb").call(Call::Connect).errno(110),
    rule(&["Can't connect to local", "through socket", "(2)"], Symptom::NoSuchPath).of("mysql").call(Call::Connect).errno(2),
    rule(&["Can't connect to local", "through socket", "(111)"], Symptom::Refused).of("mysql").call(Call::Connect).errno(111),
    rule(&["Can't connect to local", "through socket", "(13)"], Symptom::PermissionDenied)
        .of("mysql")
        .call(Call::Connect)
        .errno(13),
    rule(&["Can't connect to local server through socket", "(2)"], Symptom::NoSuchPath)
        .of("mariadb")
        .call(Call::Connect)
        .errno(2),
    rule(&["Unknown MySQL server host"], Symptom::NameUnknown).of("mysql").call(Call::Resolve).after("host "),
    rule(&["Unknown server host"], Symptom::NameUnknown).of("mariadb").call(Call::Resolve).after("host "),
    rule(&["reading initial communication packet"], Symptom::WrongProtocol).of("mysql").call(Call::Handshake),
    rule(&["Access denied for user"], Symptom::AuthenticationFailed).of("mysql").call(Call::Handshake),
    rule(&["ERROR 1040", "too many connections"], Symptom::TooManyConnections).of("mysql").call(Call::Handshake),
    rule(&["ER_CON_COUNT_ERROR"], Symptom::TooManyConnections).of("mysql").call(Call::Handshake),
    rule(&["is blocked because of many connection errors"], Symptom::Other)
        .of("mysql")
        .call(Call::Handshake)
        .says("server-closes-immediately"),
    rule(&["Can't start server: Bind on TCP/IP port"], Symptom::InUse).of("mysql").call(Call::Bind).errno(98),
    rule(&["Can't start server: Bind on unix socket"], Symptom::InUse).of("mysql").call(Call::Bind).errno(98),
    rule(&["Do you already have another", "server running on port"], Symptom::InUse).of("mysql").call(Call::Bind),
    rule(&["Could not connect to Redis at", "connection refused"], Symptom::Refused)
        .of("redis-cli")
        .call(Call::Connect)
        .errno(111),
    rule(&["Could not connect to Redis at", "no such file or directory"], Symptom::NoSuchPath)
        .of("redis-cli")
        .call(Call::Connect)
        .errno(2),
    rule(&["Could not connect to Redis at", "permission denied"], Symptom::PermissionDenied)
        .of("redis-cli")
        .call(Call::Connect)
        .errno(13),
    rule(&["Could not connect to Redis at", "name or service not known"], Symptom::NameUnknown)
        .of("redis-cli")
        .call(Call::Resolve)
        .after("Redis at "),
    rule(&["Could not connect to Redis at"], Symptom::Refused).of("redis-cli").call(Call::Connect),
    rule(&["Could not create server TCP listening socket", "address already in use"], Symptom::InUse)
        .of("redis")
        .call(Call::Bind)
        .errno(98),
    rule(&["Creating Server TCP listening socket", "address already in use"], Symptom::InUse)
        .of("redis")
        .call(Call::Bind)
        .errno(98),
    rule(&["Could not create server TCP listening socket", "assign requested address"], Symptom::AddressNotAvailable)
        .of("redis")
        .call(Call::Bind)
        .errno(99),
    rule(&["Failed listening on port", "aborting"], Symptom::InUse).of("redis").call(Call::Listen).echo(),
    rule(&["as reply type byte"], Symptom::WrongProtocol).of("redis-cli").call(Call::Read),
    rule(&["Error: Server closed the connection"], Symptom::EmptyReply).of("redis-cli").call(Call::Read),
    rule(&["NOAUTH Authentication required"], Symptom::AuthenticationFailed).of("redis").call(Call::Handshake),
    rule(&["WRONGPASS"], Symptom::AuthenticationFailed).of("redis").call(Call::Handshake),
    rule(&["max number of clients reached"], Symptom::TooManyConnections).of("redis").call(Call::Handshake),
    rule(&["Possible SECURITY ATTACK detected"], Symptom::WrongProtocol).of("redis").call(Call::Read),
    rule(&["Error connecting to Redis on", "(ECONNREFUSED)"], Symptom::Refused).of("ruby").call(Call::Connect).errno(111),
    rule(&["redis.exceptions.ConnectionError: Error 111 connecting to"], Symptom::Refused)
        .of("python")
        .call(Call::Connect)
        .errno(111)
        .after("connecting to "),
    rule(&["redis.exceptions.ConnectionError: Error 61 connecting to"], Symptom::Refused)
        .of("python")
        .call(Call::Connect)
        .errno(111)
        .after("connecting to "),
    rule(&["RedisConnectionException: Unable to connect to"], Symptom::Refused).of("java").call(Call::Connect),
    rule(&["It was not possible to connect to the redis server"], Symptom::Refused).of("dotnet").call(Call::Connect),
    rule(&["MongoNetworkError:", "ECONNREFUSED"], Symptom::Refused).of("mongodb").call(Call::Connect).errno(111),
    rule(&["MongoServerSelectionError:", "ECONNREFUSED"], Symptom::Refused).of("mongodb").call(Call::Connect).errno(111),
    rule(&["MongooseServerSelectionError:", "ECONNREFUSED"], Symptom::Refused).of("mongodb").call(Call::Connect).errno(111),
    rule(&["ServerSelectionTimeoutError:", "connection refused"], Symptom::Refused).of("mongodb").call(Call::Connect).errno(111),
    rule(&["ServerSelectionTimeoutError:"], Symptom::NoHandshake).of("mongodb").call(Call::Connect),
    rule(&["MongoServerSelectionError: Server selection timed out"], Symptom::NoHandshake).of("mongodb").call(Call::Connect),
    rule(&["MongooseError: Operation", "buffering timed out"], Symptom::NoHandshake).of("mongodb").call(Call::Connect).echo(),
    rule(&["MongoServerError: Authentication failed"], Symptom::AuthenticationFailed).of("mongodb").call(Call::Handshake),
    rule(&["MongoSocketOpenException"], Symptom::Refused).of("mongodb").call(Call::Connect),
    rule(&["Failed to set up listener: SocketException: Address already in use"], Symptom::InUse)
        .of("mongodb")
        .call(Call::Listen)
        .errno(98),
    rule(&["Error setting up listener", "address already in use"], Symptom::InUse).of("mongodb").call(Call::Listen).errno(98),
    rule(&["Failed to unlink socket file"], Symptom::PermissionDenied).of("mongodb").call(Call::Bind).errno(1),
    rule(&["It looks like you are trying to access MongoDB over HTTP"], Symptom::WrongProtocol).of("mongodb").call(Call::Request),
    rule(&["pika.exceptions.AMQPConnectionError"], Symptom::Refused).of("rabbitmq").call(Call::Connect),
    rule(&["BrokerUnreachableException"], Symptom::Refused).of("rabbitmq").call(Call::Connect),
    rule(&["ACCESS_REFUSED - Login was refused"], Symptom::AuthenticationFailed).of("rabbitmq").call(Call::Handshake),
    rule(&["failed_to_start_child", "eaddrinuse"], Symptom::InUse).of("rabbitmq").call(Call::Listen).errno(98),
    rule(&["ERROR: distribution port", "in use by rabbit@"], Symptom::InUse).of("rabbitmq").call(Call::Listen),
    rule(&["NoBrokersAvailable"], Symptom::Refused).of("kafka").call(Call::Connect),
    rule(&["Connect to ipv4#", "failed: connection refused"], Symptom::Refused)
        .of("kafka")
        .call(Call::Connect)
        .errno(111)
        .after("ipv4#"),
    rule(&["brokers are down"], Symptom::Refused).of("kafka").call(Call::Connect).echo(),
    rule(&["client has run out of available brokers"], Symptom::Refused).of("kafka").call(Call::Connect),
    rule(&["elastic_transport.ConnectionError"], Symptom::Refused).of("elasticsearch").call(Call::Connect),
    rule(&["received plaintext http traffic on an https channel"], Symptom::TlsExpected).of("elasticsearch").call(Call::Read),
    rule(&["failed to listen on", "memcached"], Symptom::InUse).of("memcached").call(Call::Listen),
    rule(&["failed to listen on TCP port"], Symptom::InUse).sure().of("memcached").call(Call::Listen),
];
