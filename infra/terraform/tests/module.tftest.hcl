# `terraform test`: no server, no account. What must hold of every deployment.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  tick_zip = "tests/nothing.zip"
  web_zip  = "tests/nothing.zip"
}

run "a_tick_is_not_retried_and_its_queue_waits_long_enough" {
  command = plan

  assert {
    condition     = aws_lambda_function_event_invoke_config.timed["tick"].maximum_retry_attempts == 0
    error_message = "The next tick is the retry."
  }
  assert {
    condition     = aws_sqs_queue.wake.visibility_timeout_seconds >= 6 * aws_lambda_function.function["tick"].timeout
    error_message = "Visibility must be six times the function's timeout."
  }
  assert {
    condition     = aws_lambda_event_source_mapping.wakes.scaling_config[0].maximum_concurrency >= 2
    error_message = "AWS refuses less than 2."
  }
  assert {
    condition     = contains(aws_lambda_event_source_mapping.wakes.function_response_types, "ReportBatchItemFailures")
    error_message = "One stranger in a batch must not bring the wakes back."
  }
}

run "the_simple_profile_ticks_each_minute_and_loops_are_ended" {
  command = plan

  assert {
    condition     = alltrue([for timer in aws_scheduler_schedule.timer : timer.schedule_expression == "rate(1 minute)"])
    error_message = "In the simple profile the timer is the alarm."
  }
  assert {
    condition     = length(aws_lambda_function_recursion_config.tick) == 0
    error_message = "The default is AWS's own."
  }
  assert {
    condition     = aws_lambda_function.function["tick"].environment[0].variables["TICKOVER_WAKE_HOPS"] == "12"
    error_message = "Below the 16 hops at which Lambda ends a chain."
  }
}

run "zero_idle_has_a_slow_safety_tick" {
  command = plan
  variables {
    profile        = "zero-idle"
    recursive_loop = "Allow"
  }

  assert {
    condition     = alltrue([for timer in aws_scheduler_schedule.timer : timer.schedule_expression == "rate(1 hour)"])
    error_message = "Nothing due, nothing runs."
  }
  assert {
    condition     = aws_lambda_function_recursion_config.tick[0].recursive_loop == "Allow"
    error_message = "As asked."
  }
}

run "every_function_has_logs_that_end_and_every_alarm_exists" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_group.function) == 5 && alltrue([for group in aws_cloudwatch_log_group.function : group.retention_in_days > 0])
    error_message = "Logs are not kept for ever."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.alarm) == 6
    error_message = "oldest due, dead letters, failures, tick errors, recursion, dead wakes"
  }
}
