#include "simulations/world/node_scheduler.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include "base/check.hpp"

namespace troupe::simulation {
namespace {

/// In the place of the actor that prints for others: ours do not print.
class no_printer final : public caf::event_based_actor {
 public:
  explicit no_printer(caf::actor_config& config) : caf::event_based_actor(config) {}
  caf::behavior make_behavior() override {
    return {[](const std::string&) {}};
  }
};

const node_actor_config& config_of(caf::actor_system& system) {
  return dynamic_cast<const node_actor_config&>(system.config());
}

}  // namespace

node_actor_config::node_actor_config(world& in, const machine_clock& its, owner_number owner)
    : where(in), clock(its), whose(owner) {
  set("caf.logger.console.verbosity", "quiet");
  set("caf.logger.file.verbosity", "quiet");
  load<node_scheduler>();
}

node_scheduler::node_scheduler(caf::actor_system& system)
    : caf::scheduler::abstract_coordinator(system), config_(config_of(system)), clock_(config_), unit_(*this) {}

caf::actor_system::module* node_scheduler::make(caf::actor_system& system, caf::detail::type_list<>) {
  return std::make_unique<node_scheduler>(system).release();
}

void node_scheduler::start() {
  caf::actor_config for_it{&unit_};
  utility_actors_[printer_id] =
      caf::make_actor<no_printer, caf::actor>(system().next_actor_id(), system().node(), &system(), for_it);
}

void node_scheduler::stop() {
  run_all();
  for (auto& utility : utility_actors_) caf::anon_send_exit(utility, caf::exit_reason::user_shutdown);
  run_all();
  // The world is not to call who is gone.
  config_.where.forget(config_.whose);
}

/// A job for each enqueue, and a turn of the world for each job.
void node_scheduler::enqueue(caf::resumable* job) {
  jobs_.push_back(job);
  config_.where.soon(config_.whose, [this] { run_one(); });
}

void node_scheduler::run_one() {
  TROUPE_CHECK(!jobs_.empty());
  caf::resumable* job = jobs_.front();
  jobs_.pop_front();
  // One message at a time: what other actors do may come between any two.
  switch (job->resume(&unit_, 1)) {
    case caf::resumable::resume_later: enqueue(job); return;
    case caf::resumable::done:
    case caf::resumable::awaiting_message: caf::intrusive_ptr_release(job); return;
    case caf::resumable::shutdown_execution_unit: return;
  }
}

void node_scheduler::run_all() {
  while (!jobs_.empty()) run_one();
}

caf::disposable node_scheduler::world_clock::schedule_periodically(time_point first_run, caf::action f,
                                                                   duration_type period) {
  TROUPE_CHECK(period.count() <= 0);  // no actor of ours asks for more
  config_.where.at(config_.clock.reaches(first_run.time_since_epoch()), config_.whose, [f]() mutable { f.run(); });
  return f.as_disposable();
}

}  // namespace troupe::simulation
