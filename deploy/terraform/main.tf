# A bucket and a table for a fleet, a queue for its events, and the policies of readers,
# publishers and forwarders. A fleet needs one of the two engines, or both: heads in the
# table and bodies in the bucket.
#
# Attach the policies to the roles of the functions, of the publisher and of the forwarder.

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "table" {
  description = "Name of the table."
  type        = string
  default     = "flags"
}

variable "queue" {
  description = "Name of the queue of events."
  type        = string
  default     = "events"
}

variable "prefix" {
  description = "What names begin with, before a slash."
  type        = string
  default     = "ffc"
}

# Without versioning, object lock and rules that expire objects by age: they would keep
# each head, or remove the current body. Objects are encrypted with SSE-S3.
resource "aws_s3_bucket" "flags" {
  bucket = var.bucket
}

resource "aws_s3_bucket_public_access_block" "flags" {
  bucket                  = aws_s3_bucket.flags.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "encrypted_connections" {
  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.flags.arn, "${aws_s3_bucket.flags.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "flags" {
  bucket = aws_s3_bucket.flags.id
  policy = data.aws_iam_policy_document.encrypted_connections.json
}

resource "aws_dynamodb_table" "flags" {
  name         = var.table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "name"

  attribute {
    name = "name"
    type = "S"
  }

  server_side_encryption {
    enabled = true
  }
}

data "aws_iam_policy_document" "s3_reader" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.flags.arn}/${var.prefix}/*"]
  }
}

data "aws_iam_policy_document" "s3_publisher" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = ["${aws_s3_bucket.flags.arn}/${var.prefix}/*"]
  }
  # Without it S3 responds 403 for an object that is missing.
  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.flags.arn]
  }
}

# Messages hold the data of users: they are encrypted with SSE-SQS. The visibility timeout
# is for a function that SQS invokes, with a timeout of 60 s; ffc-relay forward sets its own.
resource "aws_sqs_queue" "events" {
  name                       = var.queue
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 360
  sqs_managed_sse_enabled    = true
}

data "aws_iam_policy_document" "sqs_sender" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.events.arn]
  }
}

data "aws_iam_policy_document" "sqs_forwarder" {
  statement {
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.events.arn]
  }
}

data "aws_iam_policy_document" "dynamodb_reader" {
  statement {
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.flags.arn]
    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["${var.prefix}/*"]
    }
  }
}

data "aws_iam_policy_document" "dynamodb_publisher" {
  statement {
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
    resources = [aws_dynamodb_table.flags.arn]
    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["${var.prefix}/*"]
    }
  }
}

resource "aws_iam_policy" "flags" {
  for_each = {
    s3-reader          = data.aws_iam_policy_document.s3_reader.json
    s3-publisher       = data.aws_iam_policy_document.s3_publisher.json
    dynamodb-reader    = data.aws_iam_policy_document.dynamodb_reader.json
    dynamodb-publisher = data.aws_iam_policy_document.dynamodb_publisher.json
    sqs-sender         = data.aws_iam_policy_document.sqs_sender.json
    sqs-forwarder      = data.aws_iam_policy_document.sqs_forwarder.json
  }
  name   = "flags-${each.key}"
  policy = each.value
}

output "policies" {
  description = "ARNs of the policies, by engine and role."
  value       = { for name, policy in aws_iam_policy.flags : name => policy.arn }
}

output "queue_url" {
  description = "Address of the queue of events."
  value       = aws_sqs_queue.events.url
}
