// Filters on numbers, and tojson.
#include <algorithm>
#include <cmath>

#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/filters.hpp"
#include "shards/chat_template/jinja/format.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/number.hpp"
#include "shards/chat_template/jinja/operators.hpp"

namespace troupe::jinja {
namespace {

// int(v): nothing where Python raises TypeError or ValueError.
result<std::optional<integer>> converted_to_integer(const value& v, integer base) {
  if (v.is_text()) return read_integer(v.text(), static_cast<unsigned>(base));
  if (const auto* d = v.as<double>()) {
    auto i = integer_of(*d);
    if (!i && !std::isnan(*d)) return wrong("cannot convert float infinity to integer");
    return i;
  }
  return v.as_integer();
}

result<value> to_integer(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("int", std::move(given), {"default", "base"}));
  TROUPE_ASSIGN(integer base, args.whole(1, 10));
  if (input.is_undefined()) return wrong((*input.as<std::shared_ptr<const undefined_data>>())->message);
  bool base_exists = base == 0 || (base >= 2 && base <= 36);
  if (base_exists || !input.is_text()) {
    TROUPE_ASSIGN(auto i, converted_to_integer(input, base));
    if (i) return value(*i);
  }
  if (input.is_text()) {
    auto d = read_real(input.text());
    auto i = d ? integer_of(*d) : std::nullopt;
    if (i) return value(*i);
  }
  return args.get(0, value(integer{0}));
}

result<value> to_real(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("float", std::move(given), {"default"}));
  if (input.is_undefined()) return wrong((*input.as<std::shared_ptr<const undefined_data>>())->message);
  std::optional<double> d;
  if (input.is_text()) d = read_real(input.text());
  if (auto i = input.as_integer()) d = static_cast<double>(*i);
  if (const auto* real = input.as<double>()) d = *real;
  return d ? value(*d) : args.get(0, value(0.0));
}

result<value> round(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("round", std::move(given), {"precision", "method"}));
  TROUPE_ASSIGN(integer places, args.whole(0, 0));
  TROUPE_ASSIGN(std::string_view method, args.text(1, "common"));
  if (method == "common") return rounded(input, places);
  if (method != "ceil" && method != "floor") return wrong("method must be common, ceil or floor");
  TROUPE_ASSIGN(value power, calculate(run.memory(), arithmetic::power, value(integer{10}), value(places)));
  TROUPE_ASSIGN(value scaled, calculate(run.memory(), arithmetic::multiply, input, power));
  auto whole = scaled.as_integer();
  if (const auto* d = scaled.as<double>()) whole = integer_of(method == "ceil" ? std::ceil(*d) : std::floor(*d));
  if (!whole) return wrong("the filter round needs a finite number");
  return calculate(run.memory(), arithmetic::divide, value(*whole), power);
}

result<value> abs(interpreter&, const value& input, arguments&& given) {
  TROUPE_ASSIGN([[maybe_unused]] auto none, bound_arguments::bind("abs", std::move(given), {}));
  return absolute(input);
}

result<value> filesizeformat(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("filesizeformat", std::move(given), {"binary"}));
  TROUPE_ASSIGN(value real, to_real(run, input, {{value(std::nan(""))}, {}}));
  double bytes = *real.as<double>();
  if (!std::isfinite(bytes)) return wrong("the filter filesizeformat needs a number");
  double base = args.truth(0, false) ? 1024 : 1000;
  if (bytes == 1) return run.memory().text("1 Byte");
  if (bytes < base) return run.memory().text(to_text(integer_of(bytes).value_or(0)) + " Bytes");
  static constexpr std::string_view letters = "kMGTPEZY";
  double unit = base * base;
  size_t i = 0;
  for (; i + 1 < letters.size() && bytes >= unit; ++i) unit *= base;
  layout one_digit;
  one_digit.type = 'f';
  one_digit.precision = 1;
  std::string prefix(1, base == 1024 && i == 0 ? 'K' : letters[i]);
  return run.memory().text(real_digits(base * bytes / unit, one_digit) + " " + prefix + (base == 1024 ? "iB" : "B"));
}

result<value> tojson(interpreter& run, const value& input, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("tojson", std::move(given),
                                                 {"ensure_ascii", "indent", "separators", "sort_keys"}));
  json_style style;
  style.ascii = args.truth(0, false);
  style.sort_keys = args.truth(3, false);
  if (args.is_set(1)) {
    style.item_separator = ",";
    if (args[1].is_text()) {
      style.indent = std::string(args[1].text());
    } else {
      TROUPE_ASSIGN(integer width, args.whole(1));
      if (width > 1 << 16) return wrong("the filter tojson's indent is too large");
      style.indent = std::string(static_cast<size_t>(std::max<integer>(width, 0)), ' ');
    }
  }
  if (args.is_set(2)) {
    TROUPE_ASSIGN(auto both, collect(run.memory(), args[2]));
    if (both.size() != 2 || !both[0].is_text() || !both[1].is_text())
      return wrong("the filter tojson's separators are two strings");
    style.item_separator = both[0].text();
    style.key_separator = both[1].text();
  }
  TROUPE_ASSIGN(std::string text, to_json(run.memory(), input, style));
  return run.memory().text(std::move(text));
}

constexpr named_filter number_filters[] = {
    {"abs", abs},       {"filesizeformat", filesizeformat}, {"float", to_real}, {"int", to_integer}, {"round", round},
    {"tojson", tojson},
};

}  // namespace

filter find_number_filter(std::string_view name) {
  auto found =
      std::find_if(std::begin(number_filters), std::end(number_filters), [&](const auto& f) { return f.name == name; });
  return found == std::end(number_filters) ? nullptr : found->apply;
}

}  // namespace troupe::jinja
