resource "aws_sqs_queue" "wake" {
  name                       = "${var.name}-wake"
  visibility_timeout_seconds = 6 * var.tick.timeout # AWS's advice; less than the timeout is refused
  message_retention_seconds  = max(3600, 7 * var.tick.timeout)
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 3
  })
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-wake-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_lambda_event_source_mapping" "wakes" {
  event_source_arn        = aws_sqs_queue.wake.arn
  function_name           = aws_lambda_function.function["tick"].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config {
    maximum_concurrency = 2 # the least that AWS allows; one tick is enough for a batch
  }
  depends_on = [aws_iam_role_policy.function]
}

# One-shot schedules, which delete themselves.
resource "aws_scheduler_schedule_group" "alarms" {
  name = "${var.name}-alarms"
}

# The floor: heals a wake that was lost.
resource "aws_scheduler_schedule" "timer" {
  for_each            = toset(local.timed)
  name                = "${var.name}-${each.key}"
  schedule_expression = var.profile == "zero-idle" ? "rate(1 hour)" : "rate(1 minute)"
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_lambda_function.function[each.key].arn
    role_arn = aws_iam_role.alarm.arn
    input    = jsonencode({ source = "aws.scheduler", detail-type = "Scheduled Event" })
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }
}
