// TLS as links use it: 1.3 alone, both ends with a certificate of the cluster's authority, no tickets, no early data.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <string>

#include "actors/outside/certificates/certificates.hpp"
#include "base/result.hpp"

namespace troupe {

using tls_stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

struct tls_context {
  boost::asio::ssl::context context;
  /// What the node's own certificate says.
  certificate_identity self;
};

/// Reads the files. Errors: io_failed, corrupt, invalid_argument (no identity in the certificate); they name the file.
result<std::shared_ptr<tls_context>> make_tls_context(const certificate_files& files);

/// Who the other end proved to be, after the handshake. Errors: invalid_argument.
result<certificate_identity> peer_identity_of(tls_stream& stream);

/// A failed handshake in words: the reason that a certificate was refused for, where there is one.
std::string tls_failure(tls_stream& stream, const boost::system::error_code& failed);

}  // namespace troupe
