locals {
  alarms = {
    oldest-due     = { says = "Something that is due has waited for ten minutes.", namespace = "Tickover", metric = "OldestDueSeconds", by = { function = "${var.name}-reaper" }, statistic = "Maximum", from = 600, times = 1 }
    dead-letters   = { says = "Jobs have failed for good and wait for somebody.", namespace = "Tickover", metric = "DeadLetters", by = { function = "${var.name}-reaper" }, statistic = "Maximum", from = 1, times = 1 }
    failures       = { says = "Jobs failed for good within five minutes.", namespace = "Tickover", metric = "Failed", by = { function = "${var.name}-tick" }, statistic = "Sum", from = 10, times = 1 }
    tick-errors    = { says = "Ticks end in errors or at their deadline.", namespace = "AWS/Lambda", metric = "Errors", by = { FunctionName = "${var.name}-tick" }, statistic = "Sum", from = 1, times = 3 }
    recursion      = { says = "Lambda has ended a chain of ticks.", namespace = "AWS/Lambda", metric = "RecursiveInvocationsDropped", by = { FunctionName = "${var.name}-tick" }, statistic = "Sum", from = 1, times = 1 }
    wakes-are-dead = { says = "Wakes could not be delivered.", namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", by = { QueueName = aws_sqs_queue.dead.name }, statistic = "Maximum", from = 1, times = 1 }
  }
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.by
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.times
  threshold           = each.value.from
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]
}
