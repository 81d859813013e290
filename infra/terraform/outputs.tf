output "web_url" {
  description = "Where the web function answers."
  value       = aws_lambda_function_url.web.function_url
}

output "migrate_function" {
  description = "Invoke it after each deployment."
  value       = aws_lambda_function.function["migrate"].function_name
}

output "tick_function_arn" {
  description = "TICKOVER_WAKE_FUNCTION of a producer."
  value       = aws_lambda_function.function["tick"].arn
}

output "wake_policy_arn" {
  description = "Attach it to the role of any function that enqueues."
  value       = aws_iam_policy.wake.arn
}
