locals {
  by_lambda = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
  database = concat(
    var.database_secret_arn == "" ? [] : [
      { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = [var.database_secret_arn] }
    ],
    var.database_iam_resource == "" ? [] : [
      { Effect = "Allow", Action = ["rds-db:connect"], Resource = [var.database_iam_resource] }
    ],
  )
  wakes_now  = [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [local.arns["tick"]] }]
  wakes_soon = [{ Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.wake.arn] }]
  wakes_later = [
    {
      Effect   = "Allow"
      Action   = ["scheduler:CreateSchedule"]
      Resource = ["arn:${local.partition}:scheduler:${data.aws_region.here.name}:${local.account}:schedule/${aws_scheduler_schedule_group.alarms.name}/tickover-*"] # named by their minute
    },
    {
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = [aws_iam_role.alarm.arn]
      Condition = { StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" } }
    },
  ]
  # Whoever enqueues wakes in all three ways. The scheduler and the reaper wake a tick now and themselves later; they
  # send no messages. Migrations wake nobody.
  wakes       = concat(local.wakes_now, local.wakes_soon, local.wakes_later)
  timed_wakes = concat(local.wakes_now, local.wakes_later)
  wakes_of = {
    tick      = local.wakes
    scheduler = local.timed_wakes
    reaper    = local.timed_wakes
    web       = local.wakes
    migrate   = []
  }
  own = {
    tick = [
      { Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = [aws_sqs_queue.wake.arn] },
      { Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.dead.arn] },
    ]
    scheduler = [{ Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.dead.arn] }]
    reaper    = [{ Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.dead.arn] }]
    web       = []
    migrate   = []
  }
}

resource "aws_iam_role" "function" {
  for_each           = local.functions
  name               = "${var.name}-${each.key}"
  assume_role_policy = local.by_lambda
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions
  name     = "own"
  role     = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:${local.partition}:logs:${data.aws_region.here.name}:${local.account}:log-group:/aws/lambda/${var.name}-${each.key}:*"] # its streams
      }],
      local.database,
      local.wakes_of[each.key],
      local.own[each.key],
    )
  })
}

# Network interfaces have no name before they exist, so AWS's own policy allows them anywhere.
resource "aws_iam_role_policy_attachment" "vpc" {
  for_each   = var.vpc == null ? {} : local.functions
  role       = aws_iam_role.function[each.key].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
}

# For whoever enqueues: attach it to the role of a producer of yours.
resource "aws_iam_policy" "wake" {
  name   = "${var.name}-wake"
  policy = jsonencode({ Version = "2012-10-17", Statement = local.wakes })
}

# What EventBridge Scheduler acts as.
resource "aws_iam_role" "alarm" {
  name = "${var.name}-alarm"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "alarm" {
  name = "invoke"
  role = aws_iam_role.alarm.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [for key in local.timed : local.arns[key]] }]
  })
}
