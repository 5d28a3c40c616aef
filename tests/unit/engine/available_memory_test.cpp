#include "shards/engine/available_memory.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace troupe {
namespace {

/// A folder with the files in which a machine tells its memory.
class machine {
 public:
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path full = root() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  const std::string& root() const { return folder_.path(); }
  std::optional<uint64_t> available() const { return available_memory_bytes(root()); }

 private:
  test::temporary_folder folder_;
};

BOOST_AUTO_TEST_CASE(reads_what_the_kernel_calls_available) {
  const machine it;
  BOOST_TEST(!it.available());
  it.write("/proc/meminfo", "MemTotal:       100 kB\nMemFree:  1 kB\nMemAvailable:    64 kB\n");
  BOOST_TEST(it.available().value() == 64u * 1024);
}

BOOST_AUTO_TEST_CASE(a_control_groups_limit_counts_where_it_is_less) {
  const machine it;
  it.write("/proc/meminfo", "MemAvailable:    64 kB\n");
  it.write("/proc/self/cgroup", "0::/outer/inner\n");
  it.write("/sys/fs/cgroup/outer/inner/memory.max", "max\n");
  it.write("/sys/fs/cgroup/outer/inner/memory.current", "5000\n");
  BOOST_TEST(it.available().value() == 64u * 1024);
  it.write("/sys/fs/cgroup/outer/memory.max", "20000\n");
  it.write("/sys/fs/cgroup/outer/memory.current", "9000\n");
  BOOST_TEST(it.available().value() == 11000u);
  // Cached files can be dropped.
  it.write("/sys/fs/cgroup/outer/memory.stat", "anon 2000\ninactive_file 4000\n");
  BOOST_TEST(it.available().value() == 15000u);
}

BOOST_AUTO_TEST_CASE(a_control_group_of_version_1_counts_too) {
  const machine it;
  it.write("/proc/meminfo", "MemAvailable:    64 kB\n");
  it.write("/proc/self/cgroup", "3:cpu,cpuacct:/other\n2:memory:/mine\n");
  it.write("/sys/fs/cgroup/memory/mine/memory.limit_in_bytes", "9223372036854771712\n");
  it.write("/sys/fs/cgroup/memory/mine/memory.usage_in_bytes", "4000\n");
  BOOST_TEST(it.available().value() == 64u * 1024);
  it.write("/sys/fs/cgroup/memory/mine/memory.limit_in_bytes", "3000\n");
  BOOST_TEST(it.available().value() == 0u);
}

}  // namespace
}  // namespace troupe
