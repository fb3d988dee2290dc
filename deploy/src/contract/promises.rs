//! The list of promises.

/// Hands the names of all promises to the macro called `$each`.
#[macro_export]
macro_rules! contract_promises {
    ($each:ident) => {
        $each! {
            ensuring_a_room_twice_makes_one
            a_removed_room_is_gone_and_removing_again_is_fine
            removing_what_is_not_there_is_fine

            starting_a_service_twice_answers_the_same_address
            a_service_with_another_spec_is_made_again
            a_missing_image_is_missing
            a_missing_room_is_missing
            a_removed_service_is_gone
            a_service_that_ends_says_how
            a_service_stopped_behind_our_back_is_seen_and_starts_again

            a_command_that_fails_is_an_end_not_an_error
            a_command_that_prints_much_is_known_by_its_last_lines
            dropping_a_run_ends_it

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

            a_database_starts_with_its_seed_and_answers
            a_database_without_its_room_is_missing
            a_bad_seed_names_the_line
            creating_again_starts_fresh
            a_database_keeps_its_data_over_stop_and_start
            starting_a_database_that_was_never_made_is_missing
            a_removed_database_leaves_nothing
        }
    };
}
