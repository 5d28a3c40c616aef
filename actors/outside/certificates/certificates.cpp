#include "actors/outside/certificates/certificates.hpp"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "actors/outside/certificates/private_files.hpp"
#include "base/replace_file.hpp"

namespace troupe {
namespace {

using std::chrono::seconds;
constexpr seconds day{86400};
constexpr seconds authority_lifetime = 3650 * day, authority_kept_for = 400 * day;
constexpr seconds node_lifetime = 365 * day, node_kept_for = 30 * day;
// Two machines' clocks differ: a certificate is good from a little before it was made.
constexpr seconds clock_slack{3600};

template <auto free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using number_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;

/// OpenSSL's oldest complaint of this thread, as an error about `what`; forgets the rest.
error openssl_error(errc code, const std::string& what) {
  const char* reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return {code, what + ": " + (reason != nullptr ? reason : "OpenSSL failed without a reason")};
}

result<certificate_ptr> parse_certificate(const std::string& pem, const std::filesystem::path& file) {
  bio_ptr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  certificate_ptr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (!certificate) return openssl_error(errc::corrupt, file.string() + ": not a certificate in PEM form");
  return certificate;
}

result<key_ptr> parse_key(const std::string& pem, const std::filesystem::path& file) {
  bio_ptr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // Without a callback OpenSSL would ask the terminal for the passphrase of an encrypted key.
  auto no_passphrase = [](char*, int, int, void*) { return -1; };
  key_ptr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (!key) return openssl_error(errc::corrupt, file.string() + ": not a private key in PEM form, without passphrase");
  return key;
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<size_t>(size)};
}

result<std::string> to_pem(X509* certificate) {
  bio_ptr out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(out.get(), certificate) != 1) return openssl_error(errc::internal, "writing a certificate");
  return text_of(out.get());
}

result<std::string> to_pem(EVP_PKEY* key) {
  bio_ptr out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_error(errc::internal, "writing a key");
  }
  return text_of(out.get());
}

/// The key in `file`, made and written there if there is none.
result<key_ptr> read_or_make_key(const std::filesystem::path& file) {
  TROUPE_ASSIGN(auto pem, read_private_file(file));
  if (pem) return parse_key(*pem, file);
  key_ptr key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error(errc::internal, "making a P-256 key");
  TROUPE_ASSIGN(auto text, to_pem(key.get()));
  TROUPE_TRY(replace_file(file, text));
  return key;
}

std::string uri_of(std::string_view cluster, std::string_view role, std::string_view node) {
  std::string uri = "troupe://";
  uri += cluster;
  uri += '/';
  uri += role;
  uri += '/';
  uri += node;
  return uri;
}

/// The one entry of `id` in a name; "" where there is none, more than one, or one with a NUL inside.
std::string entry_of(const X509_NAME* name, int id) {
  int at = X509_NAME_get_index_by_NID(name, id, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(name, id, at) >= 0) return {};
  const ASN1_STRING* data = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
                   static_cast<size_t>(ASN1_STRING_length(data)));
  return text.find('\0') == std::string::npos ? text : std::string();
}

/// What a new certificate says; the issuer is null where it signs itself.
struct certificate_request {
  std::string cluster;
  std::string common_name;
  EVP_PKEY* key = nullptr;
  X509* issuer = nullptr;
  EVP_PKEY* issuer_key = nullptr;
  certificate_time now;
  seconds lifetime{};
  /// Identifiers and texts as in openssl.cnf(5).
  std::vector<std::pair<int, std::string>> extensions;
};

bool set_times_and_serial(X509* certificate, const certificate_request& asked) {
  number_ptr serial(BN_new());
  auto at = [&](seconds offset) {
    return std::chrono::duration_cast<seconds>(asked.now.time_since_epoch() + offset).count();
  };
  return serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), at(-clock_slack)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), at(asked.lifetime)) != nullptr;
}

bool add_name(X509_NAME* name, int id, const std::string& text) {
  return X509_NAME_add_entry_by_NID(name, id, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

result<certificate_ptr> sign(const certificate_request& asked) {
  certificate_ptr made(X509_new());
  X509* issuer = asked.issuer != nullptr ? asked.issuer : made.get();
  EVP_PKEY* issuer_key = asked.issuer != nullptr ? asked.issuer_key : asked.key;
  bool good = made && X509_set_version(made.get(), X509_VERSION_3) == 1 && set_times_and_serial(made.get(), asked) &&
              add_name(X509_get_subject_name(made.get()), NID_organizationName, asked.cluster) &&
              add_name(X509_get_subject_name(made.get()), NID_commonName, asked.common_name) &&
              X509_set_issuer_name(made.get(), X509_get_subject_name(issuer)) == 1 &&
              X509_set_pubkey(made.get(), asked.key) == 1;
  for (const auto& [id, text] : asked.extensions) {
    if (!good) break;
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, made.get(), nullptr, nullptr, 0);
    extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, id, text.c_str()));
    good = extension && X509_add_ext(made.get(), extension.get(), -1) == 1;
  }
  if (!good || X509_sign(made.get(), issuer_key, EVP_sha256()) == 0) {
    return openssl_error(errc::internal, "signing the certificate of " + asked.common_name);
  }
  return made;
}

/// Whether it is good now and will be until `kept_for` from now.
bool still_good(const X509* certificate, certificate_time now, seconds kept_for) {
  auto at = [&](seconds offset) {
    return static_cast<time_t>(std::chrono::duration_cast<seconds>(now.time_since_epoch() + offset).count());
  };
  return ASN1_TIME_cmp_time_t(X509_get0_notBefore(certificate), at(seconds(0))) <= 0 &&
         ASN1_TIME_cmp_time_t(X509_get0_notAfter(certificate), at(kept_for)) > 0;
}

struct authority {
  certificate_ptr certificate;
  key_ptr key;
};

/// The authority as make_authority left it.
result<authority> read_authority(const std::filesystem::path& folder, std::string_view cluster) {
  auto certificate_file = folder / "authority.pem", key_file = folder / "authority.key";
  authority read;
  TROUPE_ASSIGN(auto certificate, read_private_file(certificate_file));
  if (!certificate) return {errc::not_found, certificate_file.string() + ": there is no authority yet"};
  TROUPE_ASSIGN(read.certificate, parse_certificate(*certificate, certificate_file));
  TROUPE_ASSIGN(auto key, read_private_file(key_file));
  if (!key) return {errc::not_found, key_file.string() + ": the authority's key is needed to sign and is not there"};
  TROUPE_ASSIGN(read.key, parse_key(*key, key_file));
  if (X509_check_private_key(read.certificate.get(), read.key.get()) != 1) {
    ERR_clear_error();
    return {errc::corrupt, key_file.string() + ": not the key of " + certificate_file.string()};
  }
  std::string owner = entry_of(X509_get_subject_name(read.certificate.get()), NID_organizationName);
  if (owner != cluster) {
    return {errc::invalid_argument, certificate_file.string() + ": belongs to cluster \"" + owner + "\", not to \"" +
                                        std::string(cluster) + "\"; use another folder"};
  }
  return read;
}

/// Whether the certificate in a file may stay as it is.
bool may_stay(X509* certificate, EVP_PKEY* key, const authority& by, const certificate_identity& wanted,
              certificate_time now) {
  auto identity = read_identity(certificate);
  bool good = identity && *identity == wanted && still_good(certificate, now, node_kept_for) &&
              X509_verify(certificate, X509_get0_pubkey(by.certificate.get())) == 1 &&
              X509_check_private_key(certificate, key) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

certificate_files certificate_files_of(const std::filesystem::path& folder, std::string_view node) {
  std::string name(node);
  return {folder / "authority.pem", folder / (name + ".pem"), folder / (name + ".key")};
}

result<void> check_certificate_name(std::string_view what, std::string_view name) {
  auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool good = !name.empty() && name.size() <= 64 && letter_or_digit(name.front());
  for (char c : name) good = good && (letter_or_digit(c) || c == '-' || c == '_' || c == '.');
  if (good) return {};
  std::string shown(name.substr(0, 64));
  return {errc::invalid_argument,
          std::string(what) + " \"" + shown +
              "\" must be 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.' and begin with a letter or digit"};
}

result<void> make_authority(const std::filesystem::path& folder, std::string_view cluster, certificate_time now) {
  TROUPE_TRY(check_certificate_name("cluster", cluster));
  TROUPE_ASSIGN(auto lock, lock_private_folder(folder));
  auto certificate_file = folder / "authority.pem", key_file = folder / "authority.key";
  TROUPE_ASSIGN(auto present, read_private_file(certificate_file));
  if (present) {
    TROUPE_ASSIGN(auto certificate, parse_certificate(*present, certificate_file));
    // A machine that signs nothing may have the certificate without the key, while it is good.
    TROUPE_ASSIGN(auto key, read_private_file(key_file));
    if (key || !still_good(certificate.get(), now, authority_kept_for)) {
      TROUPE_ASSIGN(auto read, read_authority(folder, cluster));
    }
    if (still_good(certificate.get(), now, authority_kept_for)) return {};
  }
  TROUPE_ASSIGN(auto key, read_or_make_key(key_file));
  TROUPE_ASSIGN(auto made, sign({.cluster = std::string(cluster),
                                 .common_name = "troupe authority",
                                 .key = key.get(),
                                 .now = now,
                                 .lifetime = authority_lifetime,
                                 .extensions = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                                {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                                {NID_subject_key_identifier, "hash"}}}));
  TROUPE_ASSIGN(auto pem, to_pem(made.get()));
  return replace_file(certificate_file, pem);
}

result<void> make_node_certificate(const std::filesystem::path& folder, std::string_view cluster, std::string_view role,
                                   std::string_view node, certificate_time now) {
  TROUPE_TRY(check_certificate_name("cluster", cluster));
  TROUPE_TRY(check_certificate_name("role", role));
  TROUPE_TRY(check_certificate_name("node", node));
  if (node == "authority")
    return {errc::invalid_argument, "node \"authority\" is the name of the authority's own files"};
  TROUPE_ASSIGN(auto lock, lock_private_folder(folder));
  TROUPE_ASSIGN(auto by, read_authority(folder, cluster));
  auto files = certificate_files_of(folder, node);
  TROUPE_ASSIGN(auto key, read_or_make_key(files.key));
  TROUPE_ASSIGN(auto present, read_private_file(files.certificate));
  if (present) {
    TROUPE_ASSIGN(auto certificate, parse_certificate(*present, files.certificate));
    certificate_identity wanted{std::string(cluster), std::string(role), std::string(node)};
    if (may_stay(certificate.get(), key.get(), by, wanted, now)) return {};
  }
  TROUPE_ASSIGN(auto made, sign({.cluster = std::string(cluster),
                                 .common_name = std::string(node),
                                 .key = key.get(),
                                 .issuer = by.certificate.get(),
                                 .issuer_key = by.key.get(),
                                 .now = now,
                                 .lifetime = node_lifetime,
                                 .extensions = {{NID_basic_constraints, "critical,CA:FALSE"},
                                                {NID_key_usage, "critical,digitalSignature"},
                                                {NID_ext_key_usage, "serverAuth,clientAuth"},
                                                {NID_subject_alt_name, "URI:" + uri_of(cluster, role, node)},
                                                {NID_subject_key_identifier, "hash"},
                                                {NID_authority_key_identifier, "keyid"}}}));
  TROUPE_ASSIGN(auto pem, to_pem(made.get()));
  return replace_file(files.certificate, pem);
}

result<certificate_identity> read_identity(const x509_st* certificate) {
  names_ptr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names || sk_GENERAL_NAME_num(names.get()) != 1) {
    ERR_clear_error();
    return {errc::invalid_argument, "the certificate does not have exactly one alternative name"};
  }
  const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), 0);
  if (name->type != GEN_URI) return {errc::invalid_argument, "the certificate's alternative name is not a URI"};
  const ASN1_IA5STRING* data = name->d.uniformResourceIdentifier;
  std::string_view uri(reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)),
                       static_cast<size_t>(ASN1_STRING_length(data)));
  constexpr std::string_view scheme = "troupe://";
  std::string_view rest = uri.substr(0, scheme.size()) == scheme ? uri.substr(scheme.size()) : std::string_view();
  size_t first = rest.find('/'), second = rest.find('/', first == rest.npos ? rest.size() : first + 1);
  if (first == rest.npos || second == rest.npos) {
    return {errc::invalid_argument, "the certificate's URI is not troupe://CLUSTER/ROLE/NODE"};
  }
  certificate_identity identity{std::string(rest.substr(0, first)),
                                std::string(rest.substr(first + 1, second - first - 1)),
                                std::string(rest.substr(second + 1))};
  TROUPE_TRY(check_certificate_name("the certificate's cluster", identity.cluster));
  TROUPE_TRY(check_certificate_name("the certificate's role", identity.role));
  TROUPE_TRY(check_certificate_name("the certificate's node", identity.node));
  if (entry_of(X509_get_subject_name(certificate), NID_commonName) != identity.node) {
    return {errc::invalid_argument, "the certificate's common name is not its node \"" + identity.node + "\""};
  }
  return identity;
}

}  // namespace troupe
