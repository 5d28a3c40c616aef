#include "actors/group_supervisor/group_life.hpp"

#include "base/planted_bug.hpp"

namespace troupe {
namespace {

void append(group_life::actions& to, group_life::actions more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

group_life::actions group_life::begin(generation_number stored, instant now) {
  generation_ = stored;
  if (stored == 0) {
    auto out = next_generation();
    phase_ = group_phase::backing_off;
    due_ = now;
    append(out, on_time(now));
    return out;
  }
  // Control was restarted: the ranks may well be serving, and who works with them knows it. Nothing is announced before
  // it is known.
  phase_ = group_phase::starting;
  adopting_ = true;
  due_ = now + config_.adopt_timeout;
  return {};
}

// Fences whatever lives: nothing of an older generation is accepted from here on.
group_life::actions group_life::next_generation() {
  if (!makes(planted_bug::reuse_generation) || generation_ == 0) ++generation_;
  adopting_ = false;
  ready_.clear();
  return {store_generation{generation_}, announce{}, end_older{}};
}

group_life::actions group_life::fail(const std::string& why, instant now) {
  auto failed_generation = generation_;
  last_failure_ = why;
  if (!failed_at_) failed_at_ = now;
  auto delay = intensity_.restart(now);
  phase_ = delay ? group_phase::backing_off : group_phase::failed;
  // A group that cannot be kept up is tried again at the slowest pace that the limits allow.
  due_ = now + delay.value_or(config_.restarts.period);
  auto out = next_generation();
  out.push_back(log_failure{failed_generation, why, !delay});
  return out;
}

group_life::actions group_life::on_ready(const rank_ready& ready, generation_number generation, instant now) {
  if (generation != generation_ || phase_ != group_phase::starting || ready.rank >= config_.ranks) return {};
  if (!ready_.empty() && ready.fingerprint != fingerprint_) {
    return fail("rank " + std::to_string(ready.rank) + " computes other bits (" + ready.fingerprint +
                    ") than the others (" + fingerprint_ + ")",
                now);
  }
  fingerprint_ = ready.fingerprint;
  ready_.insert(ready.rank);
  if (ready_.size() < config_.ranks) return {};
  phase_ = group_phase::ready;
  due_.reset();
  actions out{announce{}};
  if (failed_at_) out.push_back(log_recovery{now - *failed_at_});
  failed_at_.reset();
  return out;
}

group_life::actions group_life::on_failure(generation_number generation, const std::string& why, instant now) {
  if (generation != generation_ && !makes(planted_bug::hear_old_failures)) return {};
  switch (phase_) {
    case group_phase::starting:
    case group_phase::ready: return fail(why, now);
    case group_phase::draining:
      // It ended before it was idle: the streams that are left move, and the drain is over.
      if (restart_after_drain_) return fail(why, now);
      return on_idle(generation, now);
    default: return {};
  }
}

group_life::actions group_life::on_host(const std::vector<group_process>& alive, group_number group, uint32_t placed,
                                        instant now) {
  // While its own start is under way, what lives is not known yet.
  if (!(phase_ == group_phase::starting && adopting_) && phase_ != group_phase::ready) return {};
  std::set<uint32_t> ranks;
  for (const auto& process : alive) {
    if (process.group == group && process.generation == generation_) ranks.insert(process.rank);
  }
  if (ranks.size() == placed) return {};
  return fail("only " + std::to_string(ranks.size()) + " of its " + std::to_string(placed) + " processes live", now);
}

group_life::actions group_life::on_start_failed(generation_number generation, const std::string& why, instant now) {
  return on_failure(generation, why, now);
}

group_life::actions group_life::on_drain(bool start_again, instant now) {
  if (phase_ == group_phase::draining) {
    restart_after_drain_ = restart_after_drain_ && start_again;
    return {};
  }
  if (phase_ != group_phase::ready) {
    if (start_again) return {};  // it is being replaced already
    phase_ = group_phase::draining;
    restart_after_drain_ = false;
    return on_idle(generation_, now);
  }
  phase_ = group_phase::draining;
  restart_after_drain_ = start_again;
  due_ = now + config_.drain_timeout;
  return {announce{}};
}

group_life::actions group_life::on_idle(generation_number generation, instant now) {
  if (generation != generation_ || phase_ != group_phase::draining) return {};
  if (restart_after_drain_) {
    phase_ = group_phase::backing_off;
    due_ = now;
  } else {
    phase_ = group_phase::stopped;
    due_.reset();
  }
  auto out = next_generation();
  append(out, on_time(now));
  return out;
}

group_life::actions group_life::on_time(instant now) {
  if (!due_ || now < *due_) return {};
  switch (phase_) {
    case group_phase::backing_off:
    case group_phase::failed:
      phase_ = group_phase::starting;
      due_ = now + config_.start_timeout;
      return {announce{}, start{}};
    case group_phase::starting: return fail("it was not ready in time", now);
    case group_phase::draining: return on_idle(generation_, now);
    default: return {};
  }
}

}  // namespace troupe
