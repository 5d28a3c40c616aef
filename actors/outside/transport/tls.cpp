#include "actors/outside/transport/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <exception>

namespace troupe {
namespace {

namespace ssl = boost::asio::ssl;

/// What a peer may send as its chain of certificates: ours is one of about 700 bytes.
constexpr long chain_bytes_max = 16 << 10;

result<void> check_readable(const std::filesystem::path& file) {
  std::error_code failed;
  if (std::filesystem::is_regular_file(file, failed)) return {};
  return {errc::io_failed, file.string() + ": " + (failed ? failed.message() : "not a file")};
}

error file_error(const std::filesystem::path& file, const char* what, const boost::system::error_code& failed) {
  return {errc::corrupt, file.string() + ": " + what + ": " + failed.message()};
}

}  // namespace

result<std::shared_ptr<tls_context>> make_tls_context(const certificate_files& files) {
  for (const auto& file : {files.authority, files.certificate, files.key}) TROUPE_TRY(check_readable(file));
  std::shared_ptr<tls_context> made;
  try {
    made = std::make_shared<tls_context>(tls_context{ssl::context(ssl::context::tls), {}});
  } catch (const std::exception& e) {
    return {errc::internal, std::string("OpenSSL cannot start: ") + e.what()};
  }
  auto& context = made->context;
  SSL_CTX* native = context.native_handle();
  if (SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION) != 1) return {errc::internal, "OpenSSL has no TLS 1.3"};
  SSL_CTX_set_max_proto_version(native, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_max_cert_list(native, chain_bytes_max);

  boost::system::error_code failed;
  // An encrypted key is an error; without this OpenSSL would ask the terminal.
  context.set_password_callback([](size_t, ssl::context::password_purpose) { return std::string(); }, failed);
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, failed);
  context.load_verify_file(files.authority.string(), failed);
  if (failed) return file_error(files.authority, "not a certificate in PEM form", failed);
  context.use_certificate_chain_file(files.certificate.string(), failed);
  if (failed) return file_error(files.certificate, "not a certificate in PEM form", failed);
  context.use_private_key_file(files.key.string(), ssl::context::pem, failed);
  if (failed)
    return file_error(files.key, "not the key of the certificate, in PEM form and without passphrase", failed);
  auto self = read_identity(SSL_CTX_get0_certificate(native));
  if (!self) return with_context(self.err(), files.certificate.string());
  made->self = *std::move(self);
  return made;
}

result<certificate_identity> peer_identity_of(tls_stream& stream) {
  const X509* certificate = SSL_get0_peer_certificate(stream.native_handle());
  if (certificate == nullptr || SSL_get_verify_result(stream.native_handle()) != X509_V_OK) {
    return {errc::invalid_argument, "the peer has no verified certificate"};
  }
  return read_identity(certificate);
}

std::string tls_failure(tls_stream& stream, const boost::system::error_code& failed) {
  long verified = SSL_get_verify_result(stream.native_handle());
  std::string why = failed.message();
  if (verified != X509_V_OK) why += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
  return why;
}

}  // namespace troupe
