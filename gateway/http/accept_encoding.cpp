#include "gateway/http/accept_encoding.hpp"

#include <boost/beast/core/string.hpp>
#include <optional>

namespace troupe {
namespace {

bool equals(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// What is before `separator`; the rest stays.
std::string_view take_until(std::string_view& rest, char separator) {
  auto part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return trimmed(part);
}

// RFC 9110 §12.4.2, in thousandths: "0.25" is 250. Without parameters it is 1.
std::optional<int> weight_of(std::string_view parameters) {
  if (parameters.empty()) return 1000;
  if (!equals(parameters.substr(0, 2), "q=")) return std::nullopt;
  auto digits = parameters.substr(2);
  if (digits.empty() || digits.size() > 5 || (digits.size() > 1 && digits[1] != '.')) return std::nullopt;
  int weight = 0;
  int place = 1000;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i == 1) continue;
    if (digits[i] < '0' || digits[i] > '9') return std::nullopt;
    weight += (digits[i] - '0') * place;
    place /= 10;
  }
  if (weight > 1000) return std::nullopt;
  return weight;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<int> gzip;
  std::optional<int> identity;
  std::optional<int> any;
  while (!accept_encoding.empty()) {
    auto item = take_until(accept_encoding, ',');
    auto coding = take_until(item, ';');
    auto weight = weight_of(trimmed(item));
    if (!weight) continue;
    if (equals(coding, "gzip") || equals(coding, "x-gzip")) gzip = weight;
    if (equals(coding, "identity")) identity = weight;
    if (coding == "*") any = weight;
  }
  int weight = gzip ? *gzip : any.value_or(0);
  return weight > 0 && weight >= identity.value_or(0);
}

}  // namespace troupe
