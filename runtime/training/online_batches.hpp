// Batches of data sets that are simulated while the optimizer works, without end.
//
// Where a data set takes longer to make than to learn from (a simulator that integrates equations, a frame that is
// found by many steps), the optimizer would mostly wait, and a budget of seconds be spent on few steps. There data sets
// that were learned from come again until the next fresh ones are ready: they teach less than fresh ones would, and
// more than waiting does.
#pragma once

#include "runtime/training/training_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace sibyl {

struct OnlineOptions {
  TrainingSourceOptions source;
  // Which batch has which data sets then depends on how long they take: for budgets of seconds, whose number of steps
  // does so anyway.
  bool lets_come_again = false;
  std::size_t most_bytes = 256U << 20U; // of those that may come again, about
};

class OnlineBatches {
 public:
  // How often a data set is learned from at most, on average: with more they would be learned by heart. With 20, a few
  // thousand data sets of the 48 parameters of a predator-prey model made held-out ones worse by a nat.
  static constexpr std::int64_t most_visits = 5;

  OnlineBatches(std::shared_ptr<const CompiledModel> model, std::shared_ptr<const InferenceSetup> setup,
                const OnlineOptions& options);

  // May be empty: where all of its simulations were left out. Where data sets may come again it has all that are fresh
  // and beside them such, and waits only where none may. A step that does not follow the one before it begins with the
  // batch of its number, which no step before it had: so resumed training learns from fresh ones.
  NetworkBatch at(std::int64_t step);

  const LeftOut& left_out() const { return left_out_; }
  std::int64_t fresh() const { return fresh_; }           // data sets so far
  std::int64_t came_again() const { return came_again_; } // likewise, each time counted

 private:
  NetworkBatch fresh_and_again();
  NetworkBatch keep(const Examples& examples);
  bool has_more_to_give() const;
  NetworkBatch again(std::size_t most);

  std::shared_ptr<const CompiledModel> model_;
  std::shared_ptr<const InferenceSetup> setup_;
  OnlineOptions options_;
  std::unique_ptr<TrainingSource> source_;
  std::int64_t next_ = -1;
  LeftOut left_out_;
  std::int64_t fresh_ = 0, came_again_ = 0;
  NetworkBatch pool_;              // those that may come again
  std::vector<std::size_t> order_; // in which they do, until all that were there have
  std::size_t position_ = 0;
  std::mt19937_64 random_;
};

} // namespace sibyl
