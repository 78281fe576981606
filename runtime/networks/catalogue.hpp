// The networks that there are, by name: what files, command lines and other languages choose from. No tensors here.
//
// A network is one file of summaries/ or families/, and enters by one line of the registry (summary_networks.hpp,
// posterior_families.hpp). Everything else learns of it from this catalogue.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sibyl {

// What a summary network makes of the order of the rows that it reads.
enum class RowOrder {
  one_row,      // a fixed number of values, as one row
  exchangeable, // none: any number of rows
  ordered       // rows are a sequence of any length
};

struct SummaryNetworkInfo {
  std::string_view name;
  RowOrder reads;
  std::string_view description;
};

// A number that shapes a family's networks, and its range.
struct FamilySize {
  std::string_view name;
  std::size_t initial, least, most;
};

struct PosteriorFamilyInfo {
  std::string_view name;
  std::string_view description;
  std::span<const FamilySize> sizes;
  bool loss_is_negative_log_density; // so that losses compare between frames and families, in nats
};

std::span<const SummaryNetworkInfo> list_summary_networks();
std::span<const PosteriorFamilyInfo> list_posterior_families(); // the first is the default

// "set, sequence and mlp".
std::string names_of(std::span<const SummaryNetworkInfo> networks);
std::string names_of(std::span<const PosteriorFamilyInfo> families);

// Throw UserError where there is no such network, naming those that there are.
const SummaryNetworkInfo& find_summary_network(std::string_view name);
const PosteriorFamilyInfo& find_posterior_family(std::string_view name);

} // namespace sibyl
