import './tokens.css';
import './components.css';
import './run.css';
import './sidebar.css';
import './continuing.css';
