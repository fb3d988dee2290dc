//! The list of promises.

/// Passes the names of all promises to the macro `$each`.
#[macro_export]
macro_rules! contract_promises {
    ($each:ident) => {
        $each! {
            ensuring_a_network_twice_makes_one
            a_removed_network_is_gone_and_removing_again_is_fine
            removing_what_is_not_there_is_fine

            starting_a_service_twice_answers_the_same_address
            a_service_with_another_spec_is_made_again
            a_missing_image_is_missing
            a_missing_network_is_missing
            a_removed_service_is_gone
            a_service_that_ends_with_an_error_is_started_again
            a_service_stopped_behind_our_back_is_seen_and_starts_again

            a_command_that_fails_is_an_end_not_an_error
            a_command_that_prints_much_is_known_by_its_last_lines
            dropping_a_run_ends_it

            a_check_tells_success_failure_and_no_container_apart
            a_probe_tells_refused_silent_and_status_apart
            logs_have_the_last_lines_and_follow
            logs_of_what_is_not_there_are_missing

            observe_finds_everything_and_only_of_that_preview
            two_instances_do_not_see_each_other
            a_change_is_hinted

            a_build_gives_an_image_that_runs
            a_failing_build_names_its_step
            a_missing_dockerfile_is_named
            dropping_a_build_ends_it
            a_build_whose_dockerfile_carries_our_labels_gains_nothing
            an_image_that_cannot_be_had_is_named
            an_image_that_somebody_else_made_is_never_removed
            a_shared_image_goes_with_the_last_preview_that_has_it
            an_image_that_somebody_else_made_cannot_be_shared

            a_database_starts_with_its_seed_and_answers
            data_are_made_without_a_server
            a_database_without_its_network_is_missing
            starting_a_database_that_was_never_made_is_missing
            starting_a_database_twice_leaves_one_server
            a_database_answers_to_the_password_it_was_started_with_last
            a_stopped_database_keeps_its_data
            a_database_keeps_its_data_when_its_server_is_killed
            creating_again_starts_fresh
            a_removed_database_leaves_nothing_but_its_network
            data_of_another_kind_of_server_are_refused
            a_server_image_that_cannot_be_had_is_named
            the_pool_tells_who_has_how_much

            a_bad_seed_names_the_line
            a_seed_that_does_not_fit_is_refused
            a_database_without_a_seed_answers
            a_seed_that_is_run_fills_the_database
            a_seed_whose_command_fails_tells_its_last_words
            a_seed_that_is_run_needs_the_network
            the_same_seed_is_run_once
            another_seed_is_made_afresh

            a_saved_database_can_be_made_again
            saving_twice_keeps_two_snapshots
            saving_what_is_not_there_is_no_data
            a_forgotten_snapshot_is_gone_and_copies_of_it_stay
            a_snapshot_that_was_never_made_is_no_data
            a_snapshot_of_another_kind_of_server_is_refused

            a_fork_copies_every_named_database
            a_fork_copies_nothing_else
            a_fork_of_what_does_not_run_pauses_nobody
            a_fork_shows_all_databases_at_one_moment
            a_fork_of_missing_data_is_no_data_and_leaves_nothing
            a_fork_takes_the_place_of_what_was_there
            a_fork_outlives_its_source
        }
    };
}
