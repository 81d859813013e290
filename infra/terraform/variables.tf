variable "name" {
  description = "Begins the name of everything that is made."
  type        = string
  default     = "tickover"
}

variable "tick_zip" {
  description = "What `make package` built: dist/lambda/tick.zip."
  type        = string
}

variable "web_zip" {
  description = "What `make package` built: dist/lambda/web.zip."
  type        = string
}

variable "profile" {
  description = "simple ticks every minute; zero-idle runs nothing while nothing is due."
  type        = string
  default     = "simple"
  validation {
    condition     = contains(["simple", "zero-idle"], var.profile)
    error_message = "The profile is simple or zero-idle."
  }
}

variable "database_url" {
  description = "Host, user and database name; a password belongs in the secret."
  type        = string
  sensitive   = true
  default     = "postgresql://"
}

variable "database_secret_arn" {
  description = "Secrets Manager secret with username and password; empty for none."
  type        = string
  default     = ""
}

variable "database_iam_resource" {
  description = "arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/USER, to log in with IAM tokens; empty for a password."
  type        = string
  default     = ""
}

variable "vpc" {
  description = "Subnets and security groups of the functions; null for a database that is reached without a VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "queues" {
  description = "Which queues the tick function serves, and how many jobs of each at once; empty for all."
  type        = string
  default     = ""
}

variable "tick" {
  description = "Seconds and MB of the tick function."
  type        = object({ timeout = number, memory = number })
  default     = { timeout = 300, memory = 512 }
  validation {
    condition     = var.tick.timeout >= 10 && var.tick.timeout <= 900
    error_message = "A tick has 10 to 900 seconds."
  }
}

variable "max_ticks" {
  description = "Ticks that a chain may have alive at once."
  type        = number
  default     = 10
}

variable "recursive_loop" {
  description = "Terminate ends chains at about 16 hops, so every 12th wake takes a detour of up to a minute; Allow needs none."
  type        = string
  default     = "Terminate"
  validation {
    condition     = contains(["Terminate", "Allow"], var.recursive_loop)
    error_message = "AWS knows Terminate and Allow."
  }
}

variable "architecture" {
  description = "arm64 or x86_64, as the packages were built."
  type        = string
  default     = "arm64"
}

variable "environment" {
  description = "More environment variables for every function, such as TICKOVER_SECRET, TICKOVER_TICK_TOKEN, TICKOVER_PUBLIC_URL."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms tell; empty for alarms that only show."
  type        = string
  default     = ""
}
