#include "actors/runtime/groups.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

struct three_hosts {
  cluster_config config;
  three_hosts() {
    config.hosts = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    deployment_config d;
    d.name = "m";
    d.groups = 3;
    d.tensor_parallel = 4;
    config.deployments = {d};
  }
  std::vector<std::vector<node_name>> placed() const {
    std::vector<std::vector<node_name>> hosts;
    for (const auto& group : groups_of(config)) hosts.push_back(group.hosts);
    return hosts;
  }
};
using places = std::vector<std::vector<node_name>>;

BOOST_FIXTURE_TEST_CASE(groups_are_placed_on_hosts_in_turn, three_hosts) {
  BOOST_TEST((placed() == places{{"a"}, {"b"}, {"c"}}));
  config.deployments[0].hosts = {"c", "a"};
  BOOST_TEST((placed() == places{{"c"}, {"a"}, {"c"}}));
}

BOOST_FIXTURE_TEST_CASE(the_ranks_of_a_group_on_several_hosts_are_as_many_on_each, three_hosts) {
  config.deployments[0].hosts_per_group = 2;
  BOOST_TEST((placed() == places{{"a", "b"}, {"c", "a"}, {"b", "c"}}));
  const auto groups = groups_of(config);
  const auto& second = groups[1];
  BOOST_TEST(second.is_spread());
  BOOST_TEST(second.host_of(1) == "c");
  BOOST_TEST(second.host_of(2) == "a");
  BOOST_TEST((second.ranks_on("c") == std::vector<uint32_t>{0, 1}));
  BOOST_TEST((second.ranks_on("a") == std::vector<uint32_t>{2, 3}));
  BOOST_TEST(second.ranks_on("b").empty());
  config.deployments[0].hosts_per_group = 1;
  BOOST_TEST((groups_of(config)[0].ranks_on("a") == std::vector<uint32_t>{0, 1, 2, 3}));
  BOOST_TEST(!groups_of(config)[0].is_spread());
}

}  // namespace
}  // namespace troupe
