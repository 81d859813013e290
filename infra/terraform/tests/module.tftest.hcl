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
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:mocked" }
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

run "each_function_has_a_role_of_its_own_with_no_star_alone" {
  command = apply # of the mocked provider: only then are roles and policies known
  variables {
    database_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"
  }

  override_resource {
    target = aws_iam_role.function["tick"]
    values = { arn = "arn:aws:iam::123456789012:role/tick" }
  }
  override_resource {
    target = aws_iam_role.function["scheduler"]
    values = { arn = "arn:aws:iam::123456789012:role/scheduler" }
  }
  override_resource {
    target = aws_iam_role.function["reaper"]
    values = { arn = "arn:aws:iam::123456789012:role/reaper" }
  }
  override_resource {
    target = aws_iam_role.function["web"]
    values = { arn = "arn:aws:iam::123456789012:role/web" }
  }
  override_resource {
    target = aws_iam_role.function["migrate"]
    values = { arn = "arn:aws:iam::123456789012:role/migrate" }
  }
  override_resource {
    target = aws_iam_role.alarm
    values = { arn = "arn:aws:iam::123456789012:role/alarm" }
  }
  override_resource {
    target = aws_sqs_queue.wake
    values = { arn = "arn:aws:sqs:eu-west-1:123456789012:wake" }
  }
  override_resource {
    target = aws_sqs_queue.dead
    values = { arn = "arn:aws:sqs:eu-west-1:123456789012:dead" }
  }

  assert {
    condition     = length(distinct([for made in aws_lambda_function.function : made.role])) == 5
    error_message = "Least privilege: no two functions share a role."
  }
  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement : [
          for named in flatten([statement.Action, statement.Resource]) : named != "*" && !endswith(named, ":*") || can(regex(":log-group:", named))
        ]
      ]
    ]))
    error_message = "A star is only a log group's streams and the schedules of our own group."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.function["migrate"].policy).Statement : statement.Action] == [["logs:CreateLogStream", "logs:PutLogEvents"], ["secretsmanager:GetSecretValue"]]
    error_message = "Migrations write logs and log in; they wake nobody."
  }
  assert {
    condition = alltrue([
      for key in ["scheduler", "reaper"] : !contains(flatten([
        for statement in jsondecode(aws_iam_role_policy.function[key].policy).Statement : statement.Resource
      ]), aws_sqs_queue.wake.arn)
    ])
    error_message = "Who only wakes a tick now, and itself later, has no business with the wake queue."
  }
}
