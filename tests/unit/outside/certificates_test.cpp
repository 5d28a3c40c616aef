#include "actors/outside/certificates/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

certificate_time today() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

using certificate_ptr = std::unique_ptr<X509, decltype(&X509_free)>;
certificate_ptr read_certificate(const std::filesystem::path& file) {
  std::unique_ptr<BIO, decltype(&BIO_free_all)> in(BIO_new_file(file.c_str(), "r"), &BIO_free_all);
  BOOST_REQUIRE(in);
  certificate_ptr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), &X509_free);
  BOOST_REQUIRE(certificate);
  return certificate;
}

/// What OpenSSL says about `certificate` under `authority` for one purpose; X509_V_OK or the reason.
int verify(X509* certificate, X509* authority, int purpose) {
  std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> trusted(X509_STORE_new(), &X509_STORE_free);
  X509_STORE_add_cert(trusted.get(), authority);
  std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), trusted.get(), certificate, nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

struct folder_with_authority {
  test::temporary_folder folder;
  certificate_time now = today();
  folder_with_authority() { BOOST_REQUIRE(make_authority(folder.path(), "blue", now)); }
  result<void> make(std::string_view role, std::string_view node) {
    return make_node_certificate(folder.path(), "blue", role, node, now);
  }
  certificate_ptr certificate(std::string_view node) { return read_certificate(folder / (std::string(node) + ".pem")); }
};

BOOST_AUTO_TEST_SUITE(certificates)

BOOST_FIXTURE_TEST_CASE(a_node_certificate_says_who_it_is_and_verifies_for_both_ends, folder_with_authority) {
  BOOST_REQUIRE(make("rank", "g0r1"));
  auto node = certificate("g0r1"), authority = certificate("authority");
  auto identity = read_identity(node.get());
  BOOST_REQUIRE(identity);
  BOOST_TEST((*identity == certificate_identity{"blue", "rank", "g0r1"}));
  BOOST_TEST(verify(node.get(), authority.get(), X509_PURPOSE_SSL_SERVER) == X509_V_OK);
  BOOST_TEST(verify(node.get(), authority.get(), X509_PURPOSE_SSL_CLIENT) == X509_V_OK);
  // A node cannot vouch for others.
  BOOST_TEST(X509_check_ca(node.get()) == 0);
  BOOST_TEST(X509_check_ca(authority.get()) == 1);
}

BOOST_FIXTURE_TEST_CASE(every_file_is_its_owners_alone, folder_with_authority) {
  BOOST_REQUIRE(make("gateway", "gateway-0"));
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    struct stat facts {};
    BOOST_REQUIRE(::stat(entry.path().c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 07777) == 0600U, entry.path().string());
    ++files;
  }
  BOOST_TEST(files == 4u);
}

BOOST_FIXTURE_TEST_CASE(what_is_there_and_good_is_kept, folder_with_authority) {
  BOOST_REQUIRE(make("rank", "g0r0"));
  std::string authority = content_of(folder / "authority.pem"), node = content_of(folder / "g0r0.pem");
  now += days(100);
  BOOST_REQUIRE(make_authority(folder.path(), "blue", now));
  BOOST_REQUIRE(make("rank", "g0r0"));
  BOOST_TEST(content_of(folder / "authority.pem") == authority);
  BOOST_TEST(content_of(folder / "g0r0.pem") == node);
}

BOOST_FIXTURE_TEST_CASE(a_certificate_close_to_its_end_is_renewed, folder_with_authority) {
  BOOST_REQUIRE(make("rank", "g0r0"));
  std::string before = content_of(folder / "g0r0.pem");
  now += days(340);
  BOOST_REQUIRE(make("rank", "g0r0"));
  BOOST_TEST(content_of(folder / "g0r0.pem") != before);
}

BOOST_FIXTURE_TEST_CASE(a_renewed_authority_still_vouches_for_what_it_signed, folder_with_authority) {
  BOOST_REQUIRE(make("rank", "g0r0"));
  std::string before = content_of(folder / "authority.pem");
  BOOST_REQUIRE(make_authority(folder.path(), "blue", now + days(3300)));
  BOOST_TEST(content_of(folder / "authority.pem") != before);
  auto node = certificate("g0r0"), authority = certificate("authority");
  BOOST_TEST(X509_verify(node.get(), X509_get0_pubkey(authority.get())) == 1);
}

BOOST_FIXTURE_TEST_CASE(a_node_whose_role_changed_gets_a_new_certificate, folder_with_authority) {
  BOOST_REQUIRE(make("rank", "n"));
  BOOST_REQUIRE(make("gateway", "n"));
  auto node = certificate("n");
  BOOST_TEST(read_identity(node.get())->role == "gateway");
}

BOOST_FIXTURE_TEST_CASE(a_key_that_was_lost_is_replaced_with_its_certificate, folder_with_authority) {
  BOOST_REQUIRE(make("rank", "n"));
  std::filesystem::remove(folder / "n.key");
  std::string before = content_of(folder / "n.pem");
  BOOST_REQUIRE(make("rank", "n"));
  BOOST_TEST(content_of(folder / "n.pem") != before);
}

BOOST_FIXTURE_TEST_CASE(the_folder_of_another_cluster_is_refused, folder_with_authority) {
  auto made = make_authority(folder.path(), "red", now);
  BOOST_REQUIRE(!made);
  BOOST_TEST(made.err().detail.find("belongs to cluster \"blue\", not to \"red\"") != std::string::npos,
             made.err().detail);
}

BOOST_FIXTURE_TEST_CASE(damaged_files_are_named_and_not_replaced, folder_with_authority) {
  for (const char* name : {"authority.pem", "authority.key", "n.pem", "n.key"}) {
    BOOST_REQUIRE(make("rank", "n"));
    std::string good = content_of(folder / name);
    std::ofstream(folder / name) << good.substr(0, good.size() / 2);
    auto made = make("rank", "n");
    BOOST_REQUIRE(!made);
    BOOST_TEST((made.err().code == errc::corrupt));
    BOOST_TEST(made.err().detail.find(name) != std::string::npos, made.err().detail);
    BOOST_TEST(content_of(folder / name) == good.substr(0, good.size() / 2));
    std::ofstream(folder / name) << good;
  }
}

BOOST_FIXTURE_TEST_CASE(a_huge_file_is_refused_without_reading_it_all, folder_with_authority) {
  std::filesystem::resize_file(folder / "authority.pem", uint64_t{1} << 36);  // sparse
  auto made = make("rank", "n");
  BOOST_REQUIRE(!made);
  BOOST_TEST((made.err().code == errc::corrupt));
}

BOOST_FIXTURE_TEST_CASE(signing_needs_the_authoritys_key, folder_with_authority) {
  std::filesystem::remove(folder / "authority.key");
  BOOST_TEST(make_authority(folder.path(), "blue", now).has_value());  // the certificate alone is good
  auto made = make("rank", "n");
  BOOST_REQUIRE(!made);
  BOOST_TEST((made.err().code == errc::not_found));
  BOOST_TEST(made.err().detail.find("authority.key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_made_is_named) {
  test::temporary_folder folder;
  std::ofstream(folder / "file") << "x";
  auto made = make_authority(folder / "file/certificates", "blue", today());
  BOOST_REQUIRE(!made);
  BOOST_TEST((made.err().code == errc::io_failed));
  BOOST_TEST(made.err().detail.find("certificates") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(names_that_are_no_file_names_are_refused, folder_with_authority) {
  for (std::string_view bad : std::initializer_list<std::string_view>{
           "", "../x", "a/b", ".hidden", "a b", std::string_view("nul\0l", 5), "\xC3\xA9", "authority"}) {
    BOOST_TEST(!make("rank", bad).has_value(), bad);
  }
  BOOST_TEST(!make("rank", std::string(65, 'a')).has_value());
  BOOST_TEST(make("rank", std::string(64, 'a')).has_value());
}

BOOST_FIXTURE_TEST_CASE(an_authority_is_no_node, folder_with_authority) {
  auto authority = certificate("authority");
  BOOST_TEST(!read_identity(authority.get()).has_value());
}

/// A certificate that is good but for its names.
certificate_ptr with_names(const char* alternative, const char* common_name) {
  certificate_ptr made(X509_new(), &X509_free);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
  X509V3_CTX context;
  X509V3_set_ctx(&context, made.get(), made.get(), nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> names(
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, alternative), &X509_EXTENSION_free);
  BOOST_REQUIRE(names);
  X509_add_ext(made.get(), names.get(), -1);
  return made;
}

BOOST_AUTO_TEST_CASE(only_one_uri_of_three_good_names_is_an_identity) {
  auto good = with_names("URI:troupe://blue/rank/n", "n");
  BOOST_TEST(read_identity(good.get()).has_value());
  for (const char* bad :
       {"URI:troupe://blue/rank/n,URI:troupe://blue/gateway/n", "DNS:n", "URI:https://blue/rank/n",
        "URI:troupe://blue/rank", "URI:troupe://blue/rank/n/more", "URI:troupe:///rank/n", "URI:troupe://blue//n",
        "URI:troupe://blue/rank/", "URI:troupe://", "URI:troupe://blue/rank/..", "email:n@blue"}) {
    auto certificate = with_names(bad, "n");
    BOOST_TEST(!read_identity(certificate.get()).has_value(), bad);
  }
  auto other = with_names("URI:troupe://blue/rank/n", "m");
  BOOST_TEST(!read_identity(other.get()).has_value());
}

BOOST_AUTO_TEST_CASE(several_makers_at_once_agree) {
  test::temporary_folder folder;
  std::vector<std::thread> makers;
  std::atomic<int> made = 0;
  for (int i = 0; i < 8; ++i) {
    makers.emplace_back([&] {
      if (make_authority(folder.path(), "blue", today()) &&
          make_node_certificate(folder.path(), "blue", "rank", "n", today()))
        ++made;
    });
  }
  for (auto& maker : makers) maker.join();
  BOOST_TEST(made == 8);
  auto node = read_certificate(folder / "n.pem"), authority = read_certificate(folder / "authority.pem");
  BOOST_TEST(verify(node.get(), authority.get(), X509_PURPOSE_SSL_SERVER) == X509_V_OK);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe
