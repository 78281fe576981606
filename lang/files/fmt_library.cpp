// fmt 9, compiled once. Its headers alone put all of its formatting into every file that formats anything, which is two
// seconds of each; its shared library is not to be had where a sampler is shipped with nothing beside it. So files see
// fmt as a library (FMT_HEADER_ONLY is not defined), and the functions that are then missing are these: inline ones of
// the headers, which a file emits where their address is taken. A function of fmt that the linker misses belongs here.
// For other versions, whose functions have other names, CMake defines FMT_HEADER_ONLY everywhere, and nothing is
// missing.
#ifndef FMT_HEADER_ONLY
#define FMT_HEADER_ONLY
#endif
#include <fmt/format.h>

#if FMT_VERSION >= 90000 && FMT_VERSION < 100000

namespace {

template <typename Result, typename... Arguments> using Function = Result (*)(Arguments...);

[[gnu::used]] const Function<std::string, fmt::string_view, fmt::format_args> to_text = fmt::vformat;
[[gnu::used]] const Function<void, fmt::string_view, fmt::format_args> to_output = fmt::vprint;
[[gnu::used]] const Function<void, std::FILE*, fmt::string_view, fmt::format_args> to_file = fmt::vprint;
// What formatting of ranges is made of, in the files that do it.
[[gnu::used]] const auto refuse = fmt::detail::throw_format_error;
[[gnu::used]] const Function<bool, std::uint32_t> printable = fmt::detail::is_printable;
[[gnu::used]] const auto thousands_separator = fmt::detail::thousands_sep_impl<char>;

} // namespace

#endif
