// A published trace of requests. Whatever is accepted has its requests in order, the first at 0.
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "simulations/workload/request_trace.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troupe::simulation;
  const auto trace = parse_request_trace({reinterpret_cast<const char*>(data), size});
  if (!trace) {
    TROUPE_CHECK(!trace.err().detail.empty());
    return 0;
  }
  TROUPE_CHECK(!trace->empty() && trace->front().at == troupe::duration{});
  for (size_t i = 1; i < trace->size(); ++i) TROUPE_CHECK((*trace)[i - 1].at <= (*trace)[i].at);
  for (const trace_entry& each : *trace)
    TROUPE_CHECK(each.prompt <= trace_tokens_max && each.tokens <= trace_tokens_max);
  return 0;
}
