// The files of this repository that the configuration's schema decides over.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "schemas/cluster_config_codec.hpp"

namespace troupe {
namespace {

std::filesystem::path source_folder() {
  const char* folder = std::getenv("TROUPE_SOURCE_DIR");
  return folder ? folder : ".";
}

std::string why(const result<cluster_config>& config) { return config ? "accepted" : config.err().detail; }

BOOST_AUTO_TEST_CASE(every_ready_made_configuration_is_valid) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source_folder() / "cluster-config")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    auto config = load_cluster_config(entry.path().string());
    BOOST_CHECK_MESSAGE(config.has_value(), why(config));
  }
  BOOST_TEST(files > 0u);
}

BOOST_AUTO_TEST_CASE(the_local_cluster_serves_the_bundled_model) {
  auto config = load_cluster_config((source_folder() / "cluster-config/local.yaml").string());
  BOOST_REQUIRE(config.has_value());
  BOOST_TEST(config->deployments.at(0).groups == 2u);
  BOOST_TEST(config->deployments.at(0).tensor_parallel == 2u);
  BOOST_TEST(std::filesystem::exists(std::filesystem::path(config->deployments.at(0).model) / "config.json"));
}

BOOST_AUTO_TEST_CASE(the_documentation_lists_the_keys_as_they_are) {
  std::ifstream in(source_folder() / "docs/configuration.md");
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  BOOST_TEST((text == describe_cluster_config()),
             "docs/configuration.md is out of date: `troupe config keys > docs/configuration.md`");
}

}  // namespace
}  // namespace troupe
