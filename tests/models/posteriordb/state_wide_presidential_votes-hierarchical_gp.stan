// Votes of states over years: effects of year, state and region, and Gaussian processes of states and of regions.
functions {
  matrix drawn_process(data array[] real at, vector sds, vector scales, matrix z) {
    int n = size(at);
    return cholesky_decompose(add_diag(gp_exp_quad_cov(at, sds[1], scales[1]) + gp_exp_quad_cov(at, sds[2], scales[2]),
                                       1e-6)) * z;
  }
}
data {
  int<lower=1> N, N_states, N_regions, N_years_obs, N_years;
  array[N_states] int<lower=1> state_region_ind;
  array[N] int<lower=1, upper=50> state_ind;
  array[N] int<lower=1, upper=10> region_ind;
  array[N] int<lower=1> year_ind;
  vector<lower=0, upper=1>[N] y;
}
transformed data {
  array[N_years] real years = linspaced_array(N_years, 1, N_years);
}
parameters {
  matrix[N_years, N_regions] GP_region_std;
  matrix[N_years, N_states] GP_state_std;
  vector[N_years_obs] year_std;
  vector[N_states] state_std;
  vector[N_regions] region_std;
  real<lower=0> tot_var;
  simplex[17] prop_var;
  real mu;
  real<lower=0> length_GP_region_long;
  real<lower=0> length_GP_state_long;
  real<lower=0> length_GP_region_short;
  real<lower=0> length_GP_state_short;
}
model {
  vector[17] sds = sqrt(17 * tot_var * prop_var);
  matrix[N_years, N_regions] of_region =
    drawn_process(years, sds[{13, 15}], [length_GP_region_long, length_GP_region_short]', GP_region_std);
  matrix[N_years, N_states] of_state =
    drawn_process(years, sds[{14, 16}], [length_GP_state_long, length_GP_state_short]', GP_state_std);
  vector[N_states] by_state = sds[3:12][state_region_ind] .* state_std;

  to_vector(GP_region_std) ~ std_normal();
  to_vector(GP_state_std) ~ std_normal();
  append_row(year_std, append_row(state_std, region_std)) ~ std_normal();
  mu ~ normal(0.5, 0.5);
  tot_var ~ gamma(3, 3);
  prop_var ~ dirichlet(rep_vector(2, 17));
  [length_GP_region_long, length_GP_state_long] ~ weibull(30, 8);
  [length_GP_region_short, length_GP_state_short] ~ weibull(30, 3);
  for (n in 1:N)
    y[n] ~ normal(mu + sds[1] * year_std[year_ind[n]] + by_state[state_ind[n]] + sds[2] * region_std[region_ind[n]]
                  + of_region[year_ind[n], region_ind[n]] + of_state[year_ind[n], state_ind[n]], sds[17]);
}
