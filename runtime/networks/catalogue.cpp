#include "runtime/networks/catalogue.hpp"

#include "lang/errors.hpp"
#include "runtime/networks/posterior_families.hpp"
#include "runtime/networks/summary_networks.hpp"

namespace sibyl {

namespace {

template <typename Info>
std::string join_names(std::span<const Info> all) {
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i)
    text.append(i == 0 ? "" : i + 1 < all.size() ? ", " : " and ").append(all[i].name);
  return text;
}

template <typename Info>
const Info& find(std::span<const Info> all, std::string_view name, const char* kind) {
  for (const Info& info : all)
    if (info.name == name) return info;
  throw UserError("there is no " + std::string(kind) + " `" + std::string(name) + "`; there are " + join_names(all));
}

} // namespace

std::span<const SummaryNetworkInfo> list_summary_networks() { return networks::summary_network_infos; }
std::span<const PosteriorFamilyInfo> list_posterior_families() { return networks::posterior_family_infos; }

std::string names_of(std::span<const SummaryNetworkInfo> networks) { return join_names(networks); }
std::string names_of(std::span<const PosteriorFamilyInfo> families) { return join_names(families); }

const SummaryNetworkInfo& find_summary_network(std::string_view name) {
  return find(list_summary_networks(), name, "summary network");
}

const PosteriorFamilyInfo& find_posterior_family(std::string_view name) {
  return find(list_posterior_families(), name, "posterior family");
}

} // namespace sibyl
