# A bucket and a table for a fleet, and the policies of readers and publishers. A fleet
# needs one of the two engines, or both: heads in the table and bodies in the bucket.
#
# Attach the policies to the roles of the functions and of the publisher.

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
  }
  name   = "flags-${each.key}"
  policy = each.value
}

output "policies" {
  description = "ARNs of the policies, by engine and role."
  value       = { for name, policy in aws_iam_policy.flags : name => policy.arn }
}
