#include "simulations/report/canvas.hpp"

#include "simulations/report/markup.hpp"

namespace troupe::simulation {
namespace {

constexpr int names_width = 176;
constexpr size_t name_characters_max = 27;

constexpr std::string_view symbols = R"svg(<defs>
<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect class="stripe-under" width="6" height="6"/><rect class="stripe" width="2.4" height="6"/></pattern>
<pattern id="fault-stripes" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
<rect class="fault-stripe" width="1.4" height="5"/></pattern>
<path id="begins" d="M-4 -7H4L0 -1Z"/>
<path id="moved" d="M0 -4.5L4.5 0L0 4.5L-4.5 0Z"/>
<path id="died" d="M-3 -3L3 3M3 -3L-3 3"/>
<path id="warns" d="M-3.5 3.5H3.5L0 -3Z"/>
</defs>
)svg";

/// ` name="value"`
std::string with(std::string_view name, std::string_view value) {
  return " " + std::string(name) + "=\"" + std::string(value) + "\"";
}
std::string with(std::string_view name, int value) { return with(name, std::to_string(value)); }

std::string titled(const std::string& title) {
  return title.empty() ? "" : "<title>" + html_escaped(title) + "</title>";
}

}  // namespace

void canvas::bar(std::string_view style, duration from, duration to, band where, const std::string& title) {
  bars_ += "<rect" + with("class", style) + with("x", scale_.x(from)) + with("width", scale_.width(from, to)) +
           with("y", where.y) + with("height", where.height) + ">" + titled(title) + "</rect>\n";
}

void canvas::mark(std::string_view symbol, duration at, int y, const std::string& title) {
  marks_ += "<use" + with("href", "#" + std::string(symbol)) + with("class", "mark " + std::string(symbol)) +
            with("x", scale_.x(at)) + with("y", y) + ">" + titled(title) + "</use>\n";
}

void canvas::label(std::string_view style, duration at, int y, std::string_view text, side where) {
  labels_ += "<text" + with("class", style) + with("x", scale_.x(at)) + with("y", y) +
             (where == side::left ? with("dx", -4) + with("text-anchor", "end") : with("dx", 4)) + ">" +
             html_escaped(text) + "</text>\n";
}

void canvas::level_line(std::string_view style, int y) {
  bars_ += "<line" + with("class", style) + with("x1", "0") + with("x2", "100%") + with("y1", y) + with("y2", y) +
           "></line>\n";
}

std::string canvas::line(std::string_view style, duration at, int y) const {
  const std::string x = scale_.x(at);
  return "<line" + with("class", style) + with("x1", x) + with("x2", x) + with("y1", y) + with("y2", "100%") + ">";
}

void canvas::upright(std::string_view style, duration at, int y) { under_ += line(style, at, y) + "</line>\n"; }

void canvas::upright_over(std::string_view style, duration at, int y, const std::string& title) {
  over_ += line(style, at, y) + titled(title) + "</line>\n";
}

void canvas::name(std::string_view style, int x, int y, std::string_view text) {
  const std::string seen = shortened(text, name_characters_max);
  names_ += "<text" + with("class", style) + with("x", x) + with("y", y) + ">" +
            titled(seen == text ? "" : std::string(text)) + html_escaped(seen) + "</text>\n";
}

std::string canvas::names(int height) const {
  return "<svg" + with("class", "names") + with("width", names_width) + with("height", height) +
         with("aria-hidden", "true") + ">\n" + names_ + "</svg>";
}

std::string canvas::lanes(int height) const {
  const auto ms = [](duration d) { return std::to_string(d / std::chrono::milliseconds(1)); };
  const std::string pixels = std::to_string(scale_.pixels());
  return "<svg" + with("class", "lanes") + with("role", "img") +
         with("aria-label", "What happened, from left to right") + with("width", "100%") + with("height", height) +
         with("style", "min-width:" + pixels + "px") + with("data-pixels", pixels) +
         with("data-from", ms(scale_.from())) + with("data-to", ms(scale_.to())) + ">\n" + std::string(symbols) +
         under_ + bars_ + marks_ + labels_ + over_ + "</svg>";
}

}  // namespace troupe::simulation
