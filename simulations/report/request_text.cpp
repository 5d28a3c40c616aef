#include "simulations/report/request_text.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "simulations/report/event_text.hpp"

namespace troupe::simulation {
namespace {

/// "m/0 generation 1 (23 tokens), m/1 generation 4 (37 tokens)": by choice where there are several.
std::string groups_text(const request_summary& request) {
  struct share {
    std::string whose;
    uint64_t choice, tokens;
  };
  std::vector<share> shares;
  for (const token_stretch& stretch : request.stretches) {
    std::string whose = stretch.whose();
    if (request.choices > 1) whose = "choice " + std::to_string(stretch.choice) + " " + whose;
    const auto last = std::ranges::find(shares.rbegin(), shares.rend(), stretch.choice, &share::choice);
    if (last != shares.rend() && last->whose == whose) {
      last->tokens += stretch.tokens;
    } else {
      shares.push_back({std::move(whose), stretch.choice, stretch.tokens});
    }
  }
  std::string out;
  for (const share& each : shares)
    out += (out.empty() ? "" : ", ") + each.whose + " (" + std::to_string(each.tokens) + ")";
  return out;
}

std::string begin_text(const request_summary& request) {
  if (!request.begun) return "begun before";
  std::string out = "begun " + seconds_text(*request.begun) + " at " + request.gateway + " (" + request.model + ", " +
                    counted(request.prompt_tokens, "token") + " and " + std::to_string(request.tokens_max) + " wanted";
  if (request.choices > 1) out += ", " + counted(request.choices, "choice");
  return out + ")";
}

std::string end_text(const request_summary& request) {
  if (!request.ended) return "has not ended";
  std::string out = request.how + " " + seconds_text(*request.ended);
  if (request.begun) out += " after " + seconds_text(*request.ended - *request.begun);
  return out;
}

std::string tokens_text(const request_summary& request) {
  std::string out = counted(request.tokens, "token");
  if (request.first_token && request.last_token)
    out += " " + seconds_text(*request.first_token) + " to " + seconds_text(*request.last_token);
  if (request.gap > duration{})
    out += ", longest gap " + seconds_text(request.gap) + " from " + seconds_text(request.gap_begin);
  return out;
}

}  // namespace

std::vector<std::string> texts_of(const request_summary& request) {
  std::vector<std::string> texts{begin_text(request), tokens_text(request)};
  if (std::string groups = groups_text(request); !groups.empty()) texts.push_back(std::move(groups));
  texts.push_back(end_text(request));
  return texts;
}

std::string ends_text(const std::vector<request_summary>& requests) {
  std::map<std::string, uint64_t> ends;
  for (const request_summary& request : requests) ++ends[request.ended ? request.how : "not ended"];
  std::vector<std::string> texts;
  texts.reserve(ends.size());
  for (const auto& [how, count] : ends) texts.push_back(std::to_string(count) + " " + how);
  return joined(texts, ", ");
}

}  // namespace troupe::simulation
