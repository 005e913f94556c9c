//! Which table leads to which, and that all may stand in one query.

use super::*;

diesel::joinable!(clients -> users (owner_id));
diesel::joinable!(self_registrations -> clients (client_key));
diesel::joinable!(client_secrets -> clients (client_key));
diesel::joinable!(apis -> clients (client_key));
diesel::joinable!(api_scopes -> apis (api_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(consents -> users (user_id));
diesel::joinable!(consents -> clients (client_key));
diesel::joinable!(grants -> users (user_id));
diesel::joinable!(grants -> clients (client_key));
diesel::joinable!(grants -> sessions (session_id));
diesel::joinable!(authorization_codes -> grants (grant_id));
diesel::joinable!(refresh_tokens -> grants (grant_id));
diesel::joinable!(tokens -> grants (grant_id));
diesel::joinable!(resources -> users (owner_id));
diesel::joinable!(resource_shares -> resources (resource_id));
diesel::joinable!(resource_shares -> users (user_id));
diesel::joinable!(remote_sessions -> users (approved_by));
diesel::joinable!(login_codes -> grants (grant_id));
diesel::joinable!(idempotency_keys -> users (user_id));
diesel::joinable!(pushed_requests -> clients (client_key));

diesel::joinable!(device_codes -> clients (client_key));
diesel::joinable!(security_log -> users (user_id));
diesel::joinable!(totp_factors -> users (user_id));
diesel::joinable!(recovery_codes -> users (user_id));
diesel::joinable!(sign_in_steps -> users (user_id));
diesel::joinable!(remembered_browsers -> users (user_id));
diesel::joinable!(factor_failures -> users (user_id));
diesel::joinable!(passkeys -> users (user_id));
diesel::joinable!(device_codes -> grants (grant_id));
diesel::joinable!(known_networks -> users (user_id));
diesel::joinable!(host_proofs -> users (owner_id));
diesel::joinable!(login_return_hosts -> clients (client_key));

diesel::allow_tables_to_appear_in_same_query!(
    installation, setup_links, users, clients, client_secrets, apis, api_scopes, sessions, consents, grants,
    authorization_codes, refresh_tokens, tokens, resources, resource_shares, remote_sessions, login_codes,
    idempotency_keys, user_pictures, pushed_requests, device_codes, signing_keys, authentications, letters,
    mailed_links, used_proofs, self_registrations, registration_tokens, security_log, failure_counts, known_networks,
    refusals, totp_factors, recovery_codes, sign_in_steps, remembered_browsers, factor_failures, seen_devices,
    former_addresses, deletions, email_codes, passkeys, host_proofs, contact_messages, login_return_hosts,
);
