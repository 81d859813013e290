# A root that deploys the module; with `-var local_endpoint=http://127.0.0.1:5555` against a moto server on this machine.
terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "local_endpoint" {
  description = "The URL of a moto server; empty for AWS."
  type        = string
  default     = ""
}

variable "database_url" {
  type      = string
  sensitive = true
  default   = "postgresql://tickover@db.example.com/jobs"
}

locals {
  is_local = var.local_endpoint != ""
}

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = local.is_local ? "test" : null
  secret_key                  = local.is_local ? "test" : null
  skip_credentials_validation = local.is_local
  skip_metadata_api_check     = local.is_local
  skip_requesting_account_id  = local.is_local
  skip_region_validation      = local.is_local
  dynamic "endpoints" {
    for_each = local.is_local ? [var.local_endpoint] : []
    content {
      cloudwatch     = endpoints.value
      iam            = endpoints.value
      lambda         = endpoints.value
      logs           = endpoints.value
      scheduler      = endpoints.value
      secretsmanager = endpoints.value
      sqs            = endpoints.value
      sts            = endpoints.value
    }
  }
}

module "tickover" {
  source       = "../"
  name         = "jobs"
  tick_zip     = "${path.root}/../../../dist/lambda/tick.zip"
  web_zip      = "${path.root}/../../../dist/lambda/web.zip"
  profile      = "zero-idle"
  database_url = var.database_url
}

output "web_url" {
  value = module.tickover.web_url
}

output "migrate_function" {
  value = module.tickover.migrate_function
}
