//! Clients of a service elsewhere: to log a person in they open a browser and wait on a port of their own for the one redirect that
//! it comes back with (RFC 8252 section 7.3).

use super::{Kind, Program};

pub(super) const PROGRAMS: &[Program] = &[Program {
    seen: &[("gcloud auth login", ""), ("python3 -m azure.cli login", ""), ("rclone authorize drive", "")],
    ..Program::named(
        "gcloud gcloud.py az azure.cli azd rclone gh glab aws aws_completer firebase wrangler vercel netlify heroku flyctl doctl pulumi \
             terraform tofu sf sfdx databricks snow confluent kubelogin kubectl-oidc_login kubectl-oidc-login tsh boundary shopify eas \
             codex claude gemini opencode mcp-remote mcp-remote-client oci ibmcloud okta auth0 doppler infisical railway turso xata",
        Kind::Account,
    )
}];
