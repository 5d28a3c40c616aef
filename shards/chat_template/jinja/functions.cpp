#include "shards/chat_template/jinja/functions.hpp"

#include <array>
#include <ctime>

#include "shards/chat_template/jinja/bind.hpp"
#include "shards/chat_template/jinja/iterate.hpp"
#include "shards/chat_template/jinja/objects.hpp"
#include "shards/chat_template/jinja/show.hpp"

namespace troupe::jinja {
namespace {

using entries = std::vector<std::pair<value, value>>;

// dict(mapping or pairs, name=value, ...)
result<entries> dict_entries(interpreter& run, std::string_view name, arguments&& given) {
  entries out;
  if (given.positional.size() > 1) return wrong(std::string(name) + " expected at most 1 argument");
  if (!given.positional.empty() && given.positional[0].is<dict_value>()) {
    out = given.positional[0].dict().entries;
    TROUPE_TRY(run.memory().spend(out.size()));
  } else if (!given.positional.empty()) {
    TROUPE_ASSIGN(auto items, iterate(run.memory(), given.positional[0]));
    for (;;) {
      TROUPE_ASSIGN(auto item, items->next(run.memory()));
      if (!item) break;
      TROUPE_ASSIGN(auto pair, collect(run.memory(), *item));
      if (pair.size() != 2)
        return wrong("dictionary update sequence element has length " + std::to_string(pair.size()) +
                     "; 2 is required");
      out.emplace_back(std::move(pair[0]), std::move(pair[1]));
    }
  }
  for (auto& [key, v] : given.named) {
    TROUPE_ASSIGN(value text, run.memory().text(key));
    out.emplace_back(std::move(text), std::move(v));
  }
  return out;
}

result<value> make_dict(interpreter& run, arguments&& given) {
  TROUPE_ASSIGN(auto all, dict_entries(run, "dict", std::move(given)));
  return run.memory().dict(std::move(all));
}

result<value> make_namespace(interpreter& run, arguments&& given) {
  TROUPE_ASSIGN(auto all, dict_entries(run, "namespace", std::move(given)));
  TROUPE_ASSIGN(auto* made, run.make<namespace_object>());
  for (const auto& [key, v] : all) {
    if (!key.is_text()) return wrong("a namespace's names must be strings");
    TROUPE_TRY(made->set(run.memory(), key.text(), v));
  }
  return value(static_cast<object*>(made));
}

result<value> make_range(interpreter& run, arguments&& given) {
  if (given.positional.empty() || given.positional.size() > 3 || !given.named.empty()) {
    return wrong("range expected 1 to 3 arguments");
  }
  std::array<int64_t, 3> numbers{};
  for (size_t i = 0; i < given.positional.size(); ++i) {
    auto n = given.positional[i].as_integer();
    if (!n) return wrong("'" + type_name(given.positional[i]) + "' object cannot be interpreted as an integer");
    constexpr integer most = integer{1} << 60;
    if (*n > most || *n < -most) return wrong("a range's bounds must be below 2**60");
    numbers[i] = static_cast<int64_t>(*n);
  }
  range_data range{0, numbers[0], 1};
  if (given.positional.size() > 1) range = {numbers[0], numbers[1], 1};
  if (given.positional.size() > 2) range.step = numbers[2];
  if (range.step == 0) return wrong("range() arg 3 must not be zero");
  size_t most = run.memory().limits().range_items_max;
  if (static_cast<uint64_t>(range.length()) > most) {
    return wrong("Range too big. The sandbox blocks ranges larger than MAX_RANGE (" + std::to_string(most) + ").");
  }
  return value(range_value{std::make_shared<const range_data>(range)});
}

result<value> make_cycler(interpreter& run, arguments&& given) {
  if (given.positional.empty()) return wrong("at least one item has to be provided");
  if (!given.named.empty()) return wrong("cycler() takes no keyword arguments");
  TROUPE_ASSIGN(auto* made, run.make<cycler_object>(std::move(given.positional)));
  return value(static_cast<object*>(made));
}

result<value> make_joiner(interpreter& run, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("joiner", std::move(given), {"sep"}));
  TROUPE_ASSIGN(auto* made, run.make<joiner_object>(args.get(0, constant_text(", "))));
  return value(static_cast<object*>(made));
}

result<value> raise_exception(interpreter& run, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("raise_exception", std::move(given), {"message"}, 1));
  TROUPE_ASSIGN(std::string message, to_text(run.memory(), args[0]));
  return run.raised(std::move(message));
}

result<value> strftime_now(interpreter& run, arguments&& given) {
  TROUPE_ASSIGN(auto args, bound_arguments::bind("strftime_now", std::move(given), {"format"}, 1));
  TROUPE_ASSIGN(std::string_view format, args.text(0));
  if (!run.now()) return error{errc::not_supported, "strftime_now: the time is not known here"};
  TROUPE_TRY(run.memory().fits(format.size() * 32));
  TROUPE_ASSIGN(std::string text, format_time(format, *run.now()));
  return run.memory().text(std::move(text));
}

result<value> lipsum(interpreter&, arguments&&) { return error{errc::not_supported, "lipsum is not supported"}; }

constexpr function functions[] = {
    {"range", "<function safe_range>", make_range},
    {"dict", "<class 'dict'>", make_dict},
    {"namespace", "<class 'jinja2.utils.Namespace'>", make_namespace},
    {"cycler", "<class 'jinja2.utils.Cycler'>", make_cycler},
    {"joiner", "<class 'jinja2.utils.Joiner'>", make_joiner},
    {"lipsum", "<function generate_lorem_ipsum>", lipsum},
    {"raise_exception", "<function raise_exception>", raise_exception},
    {"strftime_now", "<function strftime_now>", strftime_now},
};

}  // namespace

std::span<const function> global_functions() { return functions; }

result<std::string> format_time(std::string_view format, std::chrono::sys_seconds when) {
  std::time_t seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  if (!gmtime_r(&seconds, &parts)) return wrong("strftime_now: the time cannot be told");
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    // One directive at a time, so that none can be wider than the buffer.
    std::string directive = "%";
    if (++i < format.size() && std::string_view("-_0^#").find(format[i]) != std::string_view::npos)
      directive += format[i++];
    if (i == format.size()) {
      out += directive;
      break;
    }
    char letter = format[i];
    if (letter == '%') {
      out += '%';
    } else if (letter == 'f') {
      out += "000000";
    } else if (letter == 'z' || letter == 'Z') {
      continue;  // a time without a zone, as datetime.now() gives
    } else if (std::string_view("aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyY").find(letter) != std::string_view::npos) {
      char buffer[128];
      directive += letter;
      out.append(buffer, std::strftime(buffer, sizeof buffer, directive.c_str(), &parts));
    } else {
      out += directive + letter;
    }
  }
  return out;
}

}  // namespace troupe::jinja
