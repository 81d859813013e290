data "aws_caller_identity" "here" {}
data "aws_region" "here" {}
data "aws_partition" "here" {}

locals {
  account   = data.aws_caller_identity.here.account_id
  partition = data.aws_partition.here.partition
  # By name, not by reference: a function cannot refer to itself, nor in a circle.
  arns = { for key in keys(local.functions) :
    key => "arn:${local.partition}:lambda:${data.aws_region.here.name}:${local.account}:function:${var.name}-${key}"
  }
  functions = {
    tick      = { timeout = var.tick.timeout, memory = var.tick.memory, zip = var.tick_zip }
    scheduler = { timeout = 60, memory = 256, zip = var.tick_zip }
    reaper    = { timeout = 60, memory = 256, zip = var.tick_zip }
    web       = { timeout = 29, memory = 512, zip = var.web_zip }
    migrate   = { timeout = 300, memory = 256, zip = var.tick_zip }
  }
  timed = ["tick", "scheduler", "reaper"]
  environment = merge({
    TICKOVER_DATABASE_URL    = var.database_url
    TICKOVER_DATABASE_SECRET = var.database_secret_arn
    TICKOVER_DATABASE_IAM    = var.database_iam_resource == "" ? "0" : "1"
    TICKOVER_PROFILE         = var.profile
    TICKOVER_QUEUES          = var.queues
    TICKOVER_MAX_TICKS       = tostring(var.max_ticks)
    TICKOVER_WAKE_FUNCTION   = local.arns["tick"]
    TICKOVER_WAKE_QUEUE_URL  = aws_sqs_queue.wake.url
    TICKOVER_WAKE_ROLE_ARN   = aws_iam_role.alarm.arn
    TICKOVER_WAKE_GROUP      = aws_scheduler_schedule_group.alarms.name
    TICKOVER_WAKE_HOPS       = var.recursive_loop == "Allow" ? "1000" : "12"
  }, var.environment)
}

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "function" {
  for_each         = local.functions
  function_name    = "${var.name}-${each.key}"
  role             = aws_iam_role.function[each.key].arn
  handler          = "handlers.${each.key}.handler"
  runtime          = "python3.12"
  architectures    = [var.architecture]
  filename         = each.value.zip
  source_code_hash = filebase64sha256(each.value.zip)
  timeout          = each.value.timeout
  memory_size      = each.value.memory

  environment {
    variables = local.environment
  }
  logging_config {
    log_format = "Text" # the library writes JSON itself, and metrics are lines of their own
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }
  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }
}

# The next tick is the retry.
resource "aws_lambda_function_event_invoke_config" "timed" {
  for_each                     = toset(local.timed)
  function_name                = aws_lambda_function.function[each.key].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead.arn
    }
  }
}

# AWS's own default is Terminate, so nothing is made for it.
resource "aws_lambda_function_recursion_config" "tick" {
  count          = var.recursive_loop == "Allow" ? 1 : 0
  function_name  = aws_lambda_function.function["tick"].function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_function_url" "web" {
  function_name      = aws_lambda_function.function["web"].function_name
  authorization_type = "NONE" # the application lets nobody in without a token, a signature or a session
}

# Since October 2025 a Function URL needs both permissions.
resource "aws_lambda_permission" "url" {
  statement_id           = "url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.function["web"].function_name
  principal              = "*" # the URL is public; see above
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "url_invoke" {
  statement_id  = "url-invoke"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function["web"].function_name
  principal     = "*" # the URL is public; the provider cannot yet say "by its URL only"
}
