// Who a node is, to other nodes: an X.509 certificate whose one URI names cluster, role and node, signed by the
// cluster's authority. `./run` and `troupe up` make both for a local cluster, so that no port is ever open
// unauthenticated; a real cluster may bring files of the same form from an authority of its own.
//
// In one folder:  authority.pem, authority.key (mode 0600)   the cluster's authority
//                 <node>.pem, <node>.key (mode 0600)         one node
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/result.hpp"

struct x509_st;  // OpenSSL's X509

namespace troupe {

/// What a certificate's "troupe://<cluster>/<role>/<node>" says.
struct certificate_identity {
  std::string cluster;
  std::string role;
  node_name node;

  friend bool operator==(const certificate_identity&, const certificate_identity&) = default;
};

/// As clock::wall_now() gives it.
using certificate_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// Where the files of one node are.
struct certificate_files {
  std::filesystem::path authority;
  std::filesystem::path certificate;
  std::filesystem::path key;
};
certificate_files certificate_files_of(const std::filesystem::path& folder, std::string_view node);

/// Whether `name` may stand in a certificate and be a file's name: 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.', the first
/// of them a letter or a digit. The error (invalid_argument) begins with `what`.
result<void> check_certificate_name(std::string_view what, std::string_view name);

/// Makes the cluster's authority: a P-256 key and a certificate of ten years. What is there already and good for
/// another 400 days is kept; a certificate that is not is made anew for the same key, so that what it signed stays
/// valid. Several processes may call it at once. Errors: invalid_argument (a name; the folder belongs to another
/// cluster), corrupt (a file that is there cannot be read; it is not replaced), io_failed.
result<void> make_authority(const std::filesystem::path& folder, std::string_view cluster, certificate_time now);

/// Makes a node's key and certificate (one year, for both ends of a connection), signed by the folder's authority. Kept
/// if it is there, names the same, was signed by this authority and is good for another 30 days; else made anew.
/// Errors: as above; not_found (the folder has no authority, or not its key).
result<void> make_node_certificate(const std::filesystem::path& folder, std::string_view cluster, std::string_view role,
                                   std::string_view node, certificate_time now);

/// The identity in a certificate. Whether an authority signed it is the TLS library's to check. Errors
/// (invalid_argument): not exactly one name of the form above; the common name is another node.
result<certificate_identity> read_identity(const x509_st* certificate);

}  // namespace troupe
