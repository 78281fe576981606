// sibyl.hpp for Python: arrays become NumPy's, exceptions Python's, and the interpreter goes on while C++ works. What
// is pleasant to call is written in Python on top of this (runtime/python/sibyl).
#include <sibyl/sibyl.hpp>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using InputArray = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using InputArrays = std::map<std::string, InputArray>;

sibyl::Arrays from_numpy(const InputArrays& inputs) {
  sibyl::Arrays arrays;
  for (const auto& [name, input] : inputs) {
    std::vector<std::int64_t> extents;
    for (std::size_t d = 0; d < input.ndim(); ++d) extents.push_back(static_cast<std::int64_t>(input.shape(d)));
    arrays[name] = sibyl::Array(std::move(extents), std::vector<double>(input.data(), input.data() + input.size()));
  }
  return arrays;
}

// A NumPy array that owns the vector.
template <typename Number>
nb::object to_numpy(std::vector<Number> values, const std::vector<std::int64_t>& extents) {
  auto owned = std::make_unique<std::vector<Number>>(std::move(values));
  Number* data = owned->data();
  const nb::capsule owner(owned.release(), [](void* p) noexcept { delete static_cast<std::vector<Number>*>(p); });
  const std::vector<std::size_t> shape(extents.begin(), extents.end());
  return nb::ndarray<nb::numpy, Number>(data, shape.size(), shape.data(), owner).cast();
}

nb::object to_numpy(sibyl::Array array) {
  bool is_integer = array.is_integer;
  for (std::size_t i = 0; i < array.values.size() && is_integer; ++i) is_integer = !std::isnan(array.values[i]);
  if (is_integer) return to_numpy(std::vector<std::int64_t>(array.values.begin(), array.values.end()), array.extents);
  return to_numpy(std::move(array.values), array.extents);
}

nb::dict to_numpy(sibyl::Arrays arrays) {
  nb::dict result;
  for (auto& [name, array] : arrays) result[name.c_str()] = to_numpy(std::move(array));
  return result;
}

// Runs work(stop) on a thread of its own while this one looks after Ctrl-C, and calls `meanwhile` now and then. Where
// either raises, the work is told to stop, and its result counts: an exception of the work itself gives way to theirs.
template <typename Work>
auto run_interruptibly(Work work, const std::function<void()>& meanwhile = {}) {
  std::atomic<std::int32_t> stop = 0;
  std::optional<decltype(work(&stop))> result;
  std::exception_ptr failure;
  std::optional<nb::python_error> raised;
  std::mutex mutex;
  std::condition_variable finished;
  bool is_done = false;
  std::jthread worker([&] {
    try {
      result.emplace(work(&stop));
    } catch (...) {
      failure = std::current_exception();
    }
    const std::scoped_lock lock(mutex);
    is_done = true;
    finished.notify_one();
  });
  const auto look = [&] {
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      if (meanwhile) meanwhile();
    } catch (nb::python_error& error) {
      stop = 1;
      if (!raised) raised.emplace(std::move(error));
    }
  };
  for (bool waiting = true; waiting; look()) {
    const nb::gil_scoped_release release;
    std::unique_lock lock(mutex);
    waiting = !finished.wait_for(lock, std::chrono::milliseconds(50), [&] { return is_done; });
  }
  worker.join();
  if (raised && (failure || !raised->matches(PyExc_KeyboardInterrupt))) throw std::move(*raised);
  if (failure) std::rethrow_exception(failure);
  return std::make_pair(std::move(*result), raised.has_value());
}

sibyl::Frame frame_named(const std::string& name) {
  if (name == "auto") return sibyl::Frame::automatic;
  if (name == "prior") return sibyl::Frame::prior;
  if (name == "laplace") return sibyl::Frame::laplace;
  if (name == "variational") return sibyl::Frame::variational;
  throw sibyl::UserError("there is no frame `" + name + "`; there are auto, prior, laplace and variational");
}

nb::tuple simulate(const sibyl::Model& model, std::size_t count, std::uint64_t seed, const InputArrays& design,
                   int threads) {
  sibyl::SimulationSettings settings{.count = count, .seed = seed, .design = from_numpy(design), .threads = threads};
  auto [simulations, interrupted] = run_interruptibly([&](sibyl::StopFlag stop) {
    settings.stop = stop;
    return model.simulate(settings);
  });
  if (interrupted) PyErr_SetInterrupt(); // Ctrl-C came as it ended: it is not lost
  return nb::make_tuple(to_numpy(std::move(simulations.arrays)), simulations.failures, simulations.first_failure);
}

// What training says, kept until this thread can tell Python.
struct News {
  std::mutex mutex;
  std::vector<std::string> notes;
  std::optional<sibyl::Progress> progress;
};

// What train(stop, progress, note) gives, and whether Ctrl-C ended it. Python is told on this thread.
template <typename Train>
auto train_interruptibly(const nb::callable& on_progress, const nb::callable& on_note, Train train) {
  News news;
  return run_interruptibly(
      [&](sibyl::StopFlag stop) {
        return train(
            stop,
            [&](const sibyl::Progress& at) {
              const std::scoped_lock lock(news.mutex);
              news.progress = at;
            },
            [&](const std::string& note) {
              const std::scoped_lock lock(news.mutex);
              news.notes.push_back(note);
            });
      },
      [&] {
        std::vector<std::string> notes;
        std::optional<sibyl::Progress> at;
        {
          const std::scoped_lock lock(news.mutex);
          notes.swap(news.notes);
          at.swap(news.progress);
        }
        for (const std::string& note : notes) on_note(note);
        if (at) on_progress(at->step, at->simulations, at->loss, at->validation_loss, at->seconds, at->seconds_left);
      });
}

// The sampler, and whether Ctrl-C ended its training.
nb::tuple train(const sibyl::Model& model, double seconds, std::int64_t steps, std::int64_t simulations, int moves,
                const std::string& frame, double missing, const InputArrays& design, const InputArrays& around,
                double self_consistency, const std::vector<InputArrays>& real,
                const std::map<std::string, std::string>& networks, const std::string& posterior, std::size_t batch,
                double rate, const std::string& device, std::uint64_t seed, int threads,
                const nb::callable& on_progress, const nb::callable& on_note) {
  sibyl::TrainingSettings settings{.seconds = seconds,
                                   .steps = steps,
                                   .simulations = simulations,
                                   .moves = moves,
                                   .frame = frame_named(frame),
                                   .missing_share = missing,
                                   .design = from_numpy(design),
                                   .around = from_numpy(around),
                                   .self_consistency = self_consistency,
                                   .networks = networks,
                                   .posterior = posterior,
                                   .batch_size = batch,
                                   .learning_rate = rate,
                                   .device = device,
                                   .seed = seed,
                                   .threads = threads};
  for (const InputArrays& one : real) settings.real.push_back(from_numpy(one));
  auto [sampler, interrupted] =
      train_interruptibly(on_progress, on_note, [&](sibyl::StopFlag stop, auto progress, auto note) {
        settings.stop = stop;
        settings.note = note;
        return model.train(settings, progress);
      });
  return nb::make_tuple(std::move(sampler), interrupted);
}

// What tells the models apart, and whether Ctrl-C ended its training.
nb::tuple train_choice(const std::vector<sibyl::Model>& models, double seconds, std::int64_t steps, double missing,
                       const InputArrays& design, const std::map<std::string, std::string>& networks,
                       std::size_t batch, double rate, const std::string& device, std::uint64_t seed, int threads,
                       const nb::callable& on_progress, const nb::callable& on_note) {
  sibyl::ModelChoiceSettings settings{.seconds = seconds,
                                      .steps = steps,
                                      .missing_share = missing,
                                      .design = from_numpy(design),
                                      .networks = networks,
                                      .batch_size = batch,
                                      .learning_rate = rate,
                                      .device = device,
                                      .seed = seed,
                                      .threads = threads};
  auto [choice, interrupted] =
      train_interruptibly(on_progress, on_note, [&](sibyl::StopFlag stop, auto progress, auto note) {
        settings.stop = stop;
        settings.note = note;
        return sibyl::ModelChoice::train(models, settings, progress);
      });
  return nb::make_tuple(std::move(choice), interrupted);
}

// What call(note) gives, and the notes on how its data were read.
template <typename Compare>
nb::tuple compare_by_choice(Compare call) {
  std::vector<std::string> notes;
  std::vector<sibyl::ModelProbabilities> found;
  {
    const nb::gil_scoped_release release;
    found = call([&](const std::string& note) { notes.push_back(note); });
  }
  nb::list result;
  for (const sibyl::ModelProbabilities& one : found) {
    nb::dict of_data;
    of_data["label"] = one.label;
    of_data["probabilities"] = one.probabilities;
    of_data["p_values"] = one.p_values;
    of_data["unlike_all"] = one.is_unlike_all;
    of_data["warnings"] = one.warnings;
    result.append(of_data);
  }
  return nb::make_tuple(result, notes);
}

// The chains as a dictionary, and whether Ctrl-C ended them.
nb::tuple mcmc(const sibyl::Model& model, const InputArrays& data, std::size_t chains, std::size_t warmup,
               std::size_t draws, bool dense, double adapt_delta, int max_depth, double init_radius,
               const std::vector<InputArrays>& init, std::uint64_t seed, int threads, bool chees,
               const nb::callable& on_progress) {
  sibyl::ChainSettings settings{.method = chees ? sibyl::ChainMethod::chees : sibyl::ChainMethod::nuts,
                                .chains = chains,
                                .warmup = warmup,
                                .draws = draws,
                                .metric = dense ? sibyl::Metric::dense : sibyl::Metric::diagonal,
                                .adapt_delta = adapt_delta,
                                .max_depth = max_depth,
                                .init_radius = init_radius,
                                .seed = seed,
                                .threads = threads};
  for (const InputArrays& one : init) settings.init.push_back(from_numpy(one));
  const sibyl::Arrays arrays = from_numpy(data);
  std::mutex mutex;
  std::optional<sibyl::ChainProgress> progress;
  auto [result, interrupted] = run_interruptibly(
      [&](sibyl::StopFlag stop) {
        settings.stop = stop;
        return model.mcmc(arrays, settings, [&](const sibyl::ChainProgress& at) {
          const std::scoped_lock lock(mutex);
          progress = at;
        });
      },
      [&] {
        std::optional<sibyl::ChainProgress> at;
        {
          const std::scoped_lock lock(mutex);
          at.swap(progress);
        }
        if (at) on_progress(at->warmup_done, at->draws_done, at->divergent);
      });
  nb::dict dictionary;
  dictionary["draws"] = to_numpy(std::move(result.draws));
  dictionary["statistics"] = to_numpy(std::move(result.statistics));
  dictionary["data"] = to_numpy(std::move(result.data));
  dictionary["warnings"] = result.warnings;
  return nb::make_tuple(dictionary, interrupted);
}

// The mode as a dictionary, and whether Ctrl-C ended the search.
nb::tuple optimize(const sibyl::Model& model, const InputArrays& data, bool jacobian, std::size_t laplace,
                   int iterations, double init_radius, const InputArrays& init, std::uint64_t seed) {
  sibyl::OptimizeSettings settings{.jacobian = jacobian,
                                   .laplace_draws = laplace,
                                   .max_iterations = iterations,
                                   .init_radius = init_radius,
                                   .init = from_numpy(init),
                                   .seed = seed};
  const sibyl::Arrays arrays = from_numpy(data);
  auto [mode, interrupted] = run_interruptibly([&](sibyl::StopFlag stop) {
    settings.stop = stop;
    return model.optimize(arrays, settings);
  });
  nb::dict result;
  result["values"] = to_numpy(std::move(mode.values));
  result["log_density"] = mode.log_density;
  result["iterations"] = mode.iterations;
  result["reason"] = mode.reason;
  result["draws"] = to_numpy(std::move(mode.draws));
  const auto count = static_cast<std::int64_t>(mode.log_density_of_draws.size());
  result["log_p"] = to_numpy(std::move(mode.log_density_of_draws), {count});
  result["log_q"] = to_numpy(std::move(mode.log_density_of_normal), {count});
  return nb::make_tuple(result, interrupted);
}

nb::dict pathfinder(const sibyl::Model& model, const InputArrays& data, std::size_t paths, std::size_t draws,
                    std::size_t path_draws, double init_radius, const std::vector<InputArrays>& init,
                    std::uint64_t seed, int threads) {
  sibyl::PathfinderSettings settings{.paths = paths,
                                     .draws = draws,
                                     .path_draws = path_draws,
                                     .init_radius = init_radius,
                                     .seed = seed,
                                     .threads = threads};
  for (const InputArrays& one : init) settings.init.push_back(from_numpy(one));
  const sibyl::Arrays arrays = from_numpy(data);
  auto [found, interrupted] = run_interruptibly([&](sibyl::StopFlag stop) {
    settings.stop = stop;
    return model.pathfinder(arrays, settings);
  });
  if (interrupted) PyErr_SetInterrupt(); // Ctrl-C came as it ended: it is not lost
  nb::dict result;
  const auto count = static_cast<std::int64_t>(found.log_density.size());
  result["draws"] = to_numpy(std::move(found.draws));
  result["lp"] = to_numpy(std::move(found.log_density), {count});
  result["lp_approx"] = to_numpy(std::move(found.log_density_of_approximation), {count});
  result["k_hat"] = found.k_hat;
  result["effective_size"] = found.effective_size;
  result["warning"] = found.warning;
  return result;
}

nb::object evaluate(sibyl::ModelDensity& density, const InputArray& points, bool with_gradient, bool jacobian) {
  const std::size_t n = density.dimension();
  if (points.ndim() != 2 || points.shape(1) != n)
    throw sibyl::UserError("the unconstrained parameters are " + std::to_string(n) + " numbers");
  const auto count = static_cast<std::int64_t>(points.shape(0));
  std::vector<double> values(points.shape(0)), gradients(with_gradient ? points.size() : 0);
  {
    const nb::gil_scoped_release release;
    density.evaluate({points.data(), points.size()}, values, gradients, jacobian);
  }
  return with_gradient ? to_numpy(std::move(gradients), {count, static_cast<std::int64_t>(n)})
                       : to_numpy(std::move(values), {count});
}

nb::dict to_python(sibyl::PosteriorDraws posterior) {
  nb::dict result;
  result["label"] = posterior.label;
  result["verdict"] = posterior.verdict;
  result["k_hat"] = posterior.k_hat;
  result["ess"] = posterior.effective_size;
  result["log_evidence"] = posterior.log_evidence;
  result["log_evidence_error"] = posterior.log_evidence_error;
  if (!std::isnan(posterior.data_p_value)) result["data_p_value"] = posterior.data_p_value;
  if (!std::isnan(posterior.local_p_value)) {
    result["local_p_value"] = posterior.local_p_value;
    result["local_c2st"] = posterior.local_c2st;
  }
  result["draws"] = to_numpy(std::move(posterior.draws));
  result["data"] = to_numpy(std::move(posterior.data));
  if (!posterior.predictions.empty()) result["predictions"] = to_numpy(std::move(posterior.predictions));
  const auto count = static_cast<std::int64_t>(posterior.log_density.size());
  if (count > 0) result["log_density"] = to_numpy(std::move(posterior.log_density), {count});
  return result;
}

// What call(settings) gives, and the notes on how its data were read.
template <typename Sample>
nb::tuple sample(std::size_t draws, std::uint64_t seed, bool log_density, bool predictions, bool exact, bool verify,
                 double exact_seconds, int threads, Sample call) {
  std::vector<std::string> notes;
  const sibyl::SamplingSettings settings{.draws = draws,
                                         .seed = seed,
                                         .with_log_density = log_density,
                                         .with_predictions = predictions,
                                         .exact = exact,
                                         .verify = verify,
                                         .exact_seconds = exact_seconds,
                                         .threads = threads,
                                         .note = [&](const std::string& note) { notes.push_back(note); }};
  std::vector<sibyl::PosteriorDraws> posteriors;
  {
    const nb::gil_scoped_release release;
    posteriors = call(settings);
  }
  nb::list result;
  for (sibyl::PosteriorDraws& one : posteriors) result.append(to_python(std::move(one)));
  return nb::make_tuple(result, notes);
}

sibyl::SamplingSettings sampling_settings(std::size_t draws, std::uint64_t seed, int threads) {
  return {.draws = draws, .seed = seed, .threads = threads};
}

nb::dict loo(const sibyl::Sampler& self, const InputArrays& data, bool exact, std::size_t draws, std::uint64_t seed,
             int threads) {
  const sibyl::Arrays arrays = from_numpy(data);
  const sibyl::SamplingSettings settings = sampling_settings(draws, seed, threads);
  sibyl::LeaveOneOut found;
  {
    const nb::gil_scoped_release release;
    found = exact ? self.loo_exact(arrays, settings) : self.loo(arrays, settings);
  }
  nb::dict result;
  const auto count = static_cast<std::int64_t>(found.points.size());
  result["points"] = found.points;
  result["elpd_pointwise"] = to_numpy(std::move(found.elpd), {count});
  result["p_loo_pointwise"] = to_numpy(std::move(found.p_loo), {count});
  result["k_hat"] = to_numpy(std::move(found.k_hat), {count});
  result["elpd"] = found.total;
  result["elpd_error"] = found.error;
  result["monte_carlo_error"] = found.monte_carlo_error;
  result["p_loo"] = found.effective_parameters;
  result["bad_points"] = found.bad;
  result["largest_good_k_hat"] = found.largest_good;
  result["doubt"] = found.doubt;
  return result;
}

// The findings as JSON text, and the report as HTML.
nb::tuple diagnose(const sibyl::Sampler& self, const std::vector<InputArrays>& data, std::size_t simulations,
                   std::size_t draws, std::uint64_t seed, int threads) {
  std::vector<sibyl::Arrays> sets;
  for (const InputArrays& one : data) sets.push_back(from_numpy(one));
  sibyl::DiagnoseSettings settings{.simulations = simulations, .draws = draws, .seed = seed, .threads = threads};
  auto [found, interrupted] = run_interruptibly([&](sibyl::StopFlag stop) {
    settings.stop = stop;
    return self.diagnose(sets, settings);
  });
  if (interrupted) PyErr_SetInterrupt(); // Ctrl-C came as it ended: it is not lost
  return nb::make_tuple(found.json, found.html, found.complaints);
}

nb::dict sensitivity(const sibyl::Sampler& self, const InputArrays& data, std::size_t draws, std::uint64_t seed,
                     int threads) {
  const sibyl::Arrays arrays = from_numpy(data);
  std::vector<sibyl::ParameterSensitivity> found;
  {
    const nb::gil_scoped_release release;
    found = self.sensitivity(arrays, sampling_settings(draws, seed, threads));
  }
  const auto to_python = [](const sibyl::MovedMarginal& one) {
    nb::dict result;
    result["distance"] = one.distance;
    result["mean_at_0.8"] = one.mean_at_weaker;
    result["mean_at_1.25"] = one.mean_at_stronger;
    result["sd_at_0.8"] = one.sd_at_weaker;
    result["sd_at_1.25"] = one.sd_at_stronger;
    result["k_hat"] = one.k_hat;
    return result;
  };
  nb::dict result;
  for (const sibyl::ParameterSensitivity& one : found) {
    nb::dict parameter;
    parameter["prior"] = to_python(one.prior);
    parameter["likelihood"] = to_python(one.likelihood);
    parameter["diagnosis"] = one.diagnosis;
    result[one.name.c_str()] = parameter;
  }
  return result;
}

nb::list compare(const std::vector<sibyl::Sampler>& samplers, const InputArrays& data, const std::vector<double>& prior,
                 std::size_t draws, std::uint64_t seed, int threads) {
  const sibyl::Arrays arrays = from_numpy(data);
  std::vector<sibyl::ComparedModel> found;
  {
    const nb::gil_scoped_release release;
    found = sibyl::Sampler::compare(samplers, arrays, prior, sampling_settings(draws, seed, threads));
  }
  nb::list result;
  for (const sibyl::ComparedModel& one : found) {
    nb::dict model;
    model["log_evidence"] = one.log_evidence;
    model["log_evidence_error"] = one.log_evidence_error;
    model["probability"] = one.probability;
    model["probability_error"] = one.probability_error;
    model["elpd"] = one.elpd;
    model["elpd_error"] = one.elpd_error;
    model["elpd_difference"] = one.elpd_difference;
    model["elpd_difference_error"] = one.elpd_difference_error;
    model["no_evidence"] = one.no_evidence;
    model["doubt"] = one.doubt;
    result.append(model);
  }
  return result;
}

} // namespace

NB_MODULE(_sibyl, module) {
  sibyl::Model::set_training_environment(); // the interpreter's lock is held, as it is where Python changes os.environ
  const nb::object user_error = nb::exception<sibyl::UserError>(module, "UserError", PyExc_ValueError);
  nb::exception<sibyl::ModelError>(module, "ModelError", user_error);

  nb::class_<sibyl::Sampler> sampler(module, "Sampler");

  nb::class_<sibyl::ModelDensity>(module, "Density")
      .def_prop_ro("names", &sibyl::ModelDensity::names)
      .def("evaluate", &evaluate, "points"_a, "with_gradient"_a, "jacobian"_a)
      .def("constrain", [](sibyl::ModelDensity& self,
                           const InputArray& point) { return to_numpy(self.constrain({point.data(), point.size()})); })
      .def("unconstrain", [](sibyl::ModelDensity& self, const InputArrays& parameters) {
        auto point = self.unconstrain(from_numpy(parameters));
        const auto count = static_cast<std::int64_t>(point.size());
        return to_numpy(std::move(point), {count});
      });

  nb::class_<sibyl::Model>(module, "Model")
      .def_static(
          "from_text",
          [](const std::string& text, const std::string& name) {
            const nb::gil_scoped_release release;
            return sibyl::Model(text, name);
          },
          "text"_a, "name"_a)
      .def_static("from_file", &sibyl::Model::from_file, "path"_a, "include_directories"_a,
                  nb::call_guard<nb::gil_scoped_release>())
      .def("with_powers",
           [](const sibyl::Model& self) {
             std::vector<std::string> notes;
             const nb::gil_scoped_release release;
             const sibyl::Model model = self.with_powers([&](const std::string& note) { notes.push_back(note); });
             return std::make_tuple(model, notes);
           })
      .def("with_priors", &sibyl::Model::with_priors, nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("name", &sibyl::Model::name)
      .def_prop_ro("text", &sibyl::Model::text)
      .def_prop_ro("warnings", &sibyl::Model::warnings)
      .def_prop_ro("facts", &sibyl::Model::facts)
      .def_prop_ro("variables",
                   [](const sibyl::Model& self) {
                     std::vector<std::tuple<std::string, std::string, std::string>> result;
                     for (const sibyl::Variable& one : self.variables())
                       result.emplace_back(one.name, one.role, one.type);
                     return result;
                   })
      .def("simulate", &simulate)
      .def("train", &train)
      .def("mcmc", &mcmc)
      .def("optimize", &optimize)
      .def("pathfinder", &pathfinder)
      .def("density", [](const sibyl::Model& self, const InputArrays& data) { return self.density(from_numpy(data)); });

  sampler.def_static("load", &sibyl::Sampler::load, nb::call_guard<nb::gil_scoped_release>())
      .def("save", &sibyl::Sampler::save, nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("model", [](const sibyl::Sampler& self) { return self.model(); })
      .def_prop_ro("calibration", &sibyl::Sampler::calibration)
      .def_prop_ro("history", &sibyl::Sampler::history)
      .def("sample_each",
           [](const sibyl::Sampler& self, const std::vector<InputArrays>& data, std::size_t draws, std::uint64_t seed,
              bool log_density, bool predictions, bool exact, bool verify, double exact_seconds,
              int threads) {
             std::vector<sibyl::Arrays> sets;
             for (const InputArrays& one : data) sets.push_back(from_numpy(one));
             return sample(draws, seed, log_density, predictions, exact, verify, exact_seconds, threads,
                           [&](const auto& settings) { return self.sample_each(sets, settings); });
           })
      .def("sample_table",
           [](const sibyl::Sampler& self, const std::string& csv, const std::string& by, std::size_t draws,
              std::uint64_t seed, bool log_density, bool predictions, bool exact, bool verify, double exact_seconds,
              int threads) {
             return sample(draws, seed, log_density, predictions, exact, verify, exact_seconds, threads,
                           [&](const auto& settings) { return self.sample_table(csv, by, settings); });
           })
      .def("sample_file",
           [](const sibyl::Sampler& self, const std::string& path, const std::string& by, std::size_t draws,
              std::uint64_t seed, bool log_density, bool predictions, bool exact, bool verify, double exact_seconds,
              int threads) {
             return sample(draws, seed, log_density, predictions, exact, verify, exact_seconds, threads,
                           [&](const auto& settings) { return self.sample_file(path, by, settings); });
           })
      .def("loo", &loo)
      .def("diagnose", &diagnose)
      .def("sensitivity", &sensitivity)
      .def_static("compare", &compare)
      .def("log_density", [](const sibyl::Sampler& self, const InputArrays& data, const InputArrays& parameters) {
        return self.log_density(from_numpy(data), from_numpy(parameters));
      });

  nb::class_<sibyl::ModelChoice>(module, "ModelChoice")
      .def_static("train", &train_choice)
      .def_static("load", &sibyl::ModelChoice::load, nb::call_guard<nb::gil_scoped_release>())
      .def("save", &sibyl::ModelChoice::save, nb::call_guard<nb::gil_scoped_release>())
      .def_prop_ro("models", &sibyl::ModelChoice::models)
      .def_prop_ro("calibration", &sibyl::ModelChoice::calibration)
      .def("compare_each",
           [](const sibyl::ModelChoice& self, const std::vector<InputArrays>& data, const std::vector<double>& prior) {
             std::vector<sibyl::Arrays> sets;
             for (const InputArrays& one : data) sets.push_back(from_numpy(one));
             return compare_by_choice([&](const auto&) { return self.compare_each(sets, prior); });
           })
      .def("compare_table",
           [](const sibyl::ModelChoice& self, const std::string& csv, const std::string& by,
              const std::vector<double>& prior) {
             return compare_by_choice([&](const auto& note) { return self.compare_table(csv, by, prior, note); });
           })
      .def("compare_file", [](const sibyl::ModelChoice& self, const std::string& path, const std::string& by,
                              const std::vector<double>& prior) {
        return compare_by_choice([&](const auto& note) { return self.compare_file(path, by, prior, note); });
      });
}
