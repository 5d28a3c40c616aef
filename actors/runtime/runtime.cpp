#include "actors/runtime/runtime.hpp"

#include <caf/init_global_meta_objects.hpp>

namespace troupe {

registered_messages::registered_messages() {
  static const bool once = [] {
    caf::core::init_global_meta_objects();
    caf::init_global_meta_objects<caf::id_block::troupe>();
    return true;
  }();
  static_cast<void>(once);
}

actor_config::actor_config(size_t threads) {
  set("caf.scheduler.max-threads", threads);
  // Work stealing polls: it costs a part of a core at rest.
  set("caf.scheduler.policy", "sharing");
  set("caf.logger.console.verbosity", "quiet");
  set("caf.logger.file.verbosity", "quiet");
}

}  // namespace troupe
