"""Which files hold secrets, going by their names.

These are patterns in the manner of ``.gitignore``, in lower case, the last match deciding. They hold for a
file's whole path, wherever it lies. Listed is what tools write keys, tokens or passwords to by themselves,
and what people by custom keep little else in. Templates (``.env.example``) have names and no values, so they
are taken back; so is source code that is merely *about* credentials. ``secrets.py`` and ``secrets.h`` stay
listed: on small devices that is where passwords are kept.
"""

_ENVIRONMENTS = (".env*", "*.env", ".flaskenv", ".dev.vars", "*.tfvars", "*.tfvars.json")
_KEYS = (
    *(
        "*.pem",
        "*.key",
        "*.p8",
        "*.p12",
        "*.pfx",
        "*.pkcs12",
        "*.jks",
        "*.keystore",
        "*.bks",
        "*.ppk",
        "*.snk",
    ),
    *("*.asc", "*.gpg", "*.pgp", "*.age", "*.kdb", "*.kdbx", "*.keychain", "*.keytab", "*.ovpn", "*.jwk"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*_rsa", "*_dsa", "*_ecdsa", "*_ed25519"),
    *("*private[-_]key*.json", "wallet.dat", "*.mobileprovision"),
)
_LOGINS = (
    *(".netrc", "_netrc", ".authinfo", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".mylogin.cnf", ".s3cfg"),
    *(".boto", ".git-credentials", ".htpasswd", ".dockercfg", "**/.docker/config.json", ".terraformrc"),
    *("credentials*", "*[-_.]credentials", "*[-_.]credentials.*", "client_secret*.json", "kubeconfig*"),
    *("*service[-_]account*.json", "passwords", "passwords.*", "auth.json", "wp-config.php", ".vault*"),
    *("local.settings.json", "**/.gradle/gradle.properties", "*.kubeconfig"),
)
_SECRETS = (
    *(
        "secret",
        "secret.*",
        "secrets",
        "secrets.*",
        "*.secret",
        "*.secrets",
        "*[-_.]secret.*",
        "*[-_.]secrets.*",
    ),
    *("*.tfstate", "*.tfstate.*", "vault.yml", "vault.yaml", ".*_history"),
)
_FOLDERS = (
    *(
        ".ssh/",
        ".aws/",
        ".gnupg/",
        ".kube/",
        ".azure/",
        ".docker/",
        ".password-store/",
        ".vault/",
        "/run/secrets/",
    ),
    *("**/.config/gcloud/", "**/.config/gh/", "**/.config/rclone/", "**/.git/*", "/proc/"),
)
_NO_VALUES = (
    *(f"!*.{kind}.{end}" for kind in ("env", "tfvars") for end in ("example", "sample", "template", "dist")),
    *("!example.env", "!sample.env", "!template.env", "!**/.git/*_editmsg", "!**/.git/merge_msg"),
)
_CODE = tuple(
    f"!{kind}.{end}"
    for kind in ("credentials*", "*[-_]credentials")
    for end in (
        *("py", "pyi", "js", "jsx", "ts", "tsx", "go", "rs", "java", "kt", "swift", "scala", "rb"),
        "cs",
        "cpp",
    )
)

SECRET_NAMES = (*_ENVIRONMENTS, *_KEYS, *_LOGINS, *_SECRETS, *_FOLDERS, *_NO_VALUES, *_CODE)
