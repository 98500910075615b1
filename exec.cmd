@rem The scripts in package.json start with exec, so that no shell stands between npm and its program and keeps
@rem signals to itself. Windows has no exec; this stands in for it.
@%*
